package packaging

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"milkrun/sync/sandbox"
)

// life is a machine with the service on it, and the partners that it talks to.
type life struct {
	*machine
	box     *sandbox.Sandbox
	affairs int // in the business database
	hurts   int // of pushes
}

// builtEnv tells the test binary where the packages are, when it runs in a network of its own.
const builtEnv = "MILKRUN_PACKAGES"

const (
	enterprises = 5000
	stateDir    = "/var/lib/private/milkrun/" // where systemd keeps the state of a dynamic user
)

// quick makes the service restart at once, so that the test need not wait for it.
const quick = "[Service]\nRestartSec=100ms\n"

// TestLifeOfAService installs the .deb on a machine that runs systemd, and lets happen to it what happens to machines. The
// parts build on one another.
func TestLifeOfAService(t *testing.T) {
	t.Parallel() // it waits most of the time
	need(t, true, "systemd-nspawn", "nsenter", "dpkg", "systemd-analyze")
	if os.Getenv(builtEnv) == "" {
		newMachine(t) // skips the test where there can be none
		inOwnNetwork(t)
		return
	}
	l := newLife(t)
	for _, part := range []struct {
		name string
		live func(t *testing.T)
	}{
		{"installed", l.installed},
		{"first start", l.firstStart},
		{"reload", l.reload},
		{"killed in the middle of a pull", l.pull("grades_a", l.kill)},
		{"power cut in the middle of a pull", l.pull("grades_b", l.powerCut)},
		{"killed in the middle of a push", l.push(l.kill)},
		{"power cut in the middle of a push", l.push(l.powerCut)},
		{"operators", l.operators},
		{"hanging", l.hanging},
		{"drain", l.drain},
		{"no storm of restarts", l.noStorm},
		{"socket activation", l.socket},
		{"upgrade", l.upgrade},
		{"removed", l.removed},
	} {
		if !t.Run(part.name, func(t *testing.T) { l.t = t; part.live(t) }) {
			t.Fatal(l.log())
		}
	}
}

// inOwnNetwork runs the test once more, in a loopback network that nothing else is in: the service listens where it does on
// any machine, and there another program may do so.
func inOwnNetwork(t *testing.T) {
	t.Helper()
	for _, version := range []string{older, newer} {
		packages.get(t, version) // by way of the network that other machines are in
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // the signal at a parent's death belongs to a thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), builtEnv+"="+packages.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Logf("%s", said)
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{machine: newMachine(t), affairs: 2000}
	l.boot() // its systemd is what switches the loopback network on
	box, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Credit: sandbox.CreditOptions{Count: enterprises}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	l.box = box
	return l
}

// config is a jobs.toml with the partners, whose secrets are credentials and variables, and some jobs.
func (l *life) config(jobs ...string) []byte {
	var b strings.Builder
	b.WriteString("timezone = \"Asia/Shanghai\"\n[defaults]\nretry = { initial = \"10ms\", max = \"200ms\", give_up_after = \"30s\" }\n")
	for name, rate := range map[string]string{"credit": "40/s", "busipush": "10/s"} {
		fmt.Fprintf(&b, "[connections.%s]\ntype = %[1]q\nrate = %q\n", name, rate)
		settings := l.box.Settings()[name]
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			if strings.Contains(key, ".") {
				continue // what the flow does not need
			}
			value := settings[key]
			switch key {
			case "password", "appsecret":
				value = "credential:milkrun_" + key
			case "url":
			default:
				value = "env:" + strings.ToUpper(key)
			}
			fmt.Fprintf(&b, "%s = %q\n", key, value)
		}
	}
	b.WriteString("[connections.business]\ntype = \"sqlite\"\ndsn = \"business.db\"\n") // below WorkingDirectory
	return []byte(b.String() + strings.Join(jobs, "\n"))
}

const (
	grades = `[jobs.grades]
schedule = "@every 1s"
source = { connection = "credit", resource = "grades" }
sink = { connection = "business", table = "TABLE", key = ["uniscId"] }
page_size = 50
`
	pushes = `[jobs.affairs]
schedule = "@every 1s"
source = { connection = "business", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "busipush", resource = "affairs" }
batch_size = 50
`
	quiet = `[jobs.affairs]
schedule = "0 3 1 1 *"
source = { connection = "business", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "busipush", resource = "affairs" }
`
)

func (l *life) property(name string) string {
	l.t.Helper()
	return l.run("systemctl", "show", "--value", "-p", name, "milkrun.service")
}

func (l *life) pid() string {
	l.t.Helper()
	return l.property("MainPID")
}

func (l *life) status() string { return l.property("StatusText") }

func (l *life) isActive() bool {
	said, _ := l.try("systemctl", "is-active", "milkrun.service")
	return said == "active"
}

// reloaded puts a configuration in place and makes the service read it.
func (l *life) reloaded(config []byte) {
	l.t.Helper()
	l.put("/etc/milkrun/jobs.toml", "644", config)
	l.run("systemctl", "reload", "milkrun")
}

// resumed are the runs of a job that were taken up again and came to a good end.
func (l *life) resumed(job string) (runs []int) {
	l.t.Helper()
	var all []struct {
		ID                  int
		Job, Trigger, State string
	}
	said, err := l.command("milkrun", "runs", "--json", "--limit", "1000").Output()
	if err == nil {
		err = json.Unmarshal(said, &all)
	}
	if err != nil {
		l.t.Fatalf("%v\n%s", err, said)
	}
	for _, r := range all {
		if r.Job == job && r.Trigger == "resume" && r.State == "done" {
			runs = append(runs, r.ID)
		}
	}
	return runs
}

func (l *life) install(t *testing.T, version string) string {
	t.Helper()
	deb, _ := files(version)
	text, err := os.ReadFile(filepath.Join(packages.get(t, version), deb))
	if err != nil {
		t.Fatal(err)
	}
	l.put("/opt/"+deb, "644", text)
	return l.run("dpkg", "-i", "/opt/"+deb)
}
