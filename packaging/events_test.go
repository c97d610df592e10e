package packaging

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"milkrun/sync/sandbox"
)

func (l *life) installed(t *testing.T) {
	l.install(t, older)
	if said, _ := l.try("systemctl", "is-enabled", "milkrun.service", "milkrun.socket"); said != "disabled\ndisabled" {
		t.Errorf("after installing, the units are %q", said)
	}
	if l.isActive() {
		t.Error("installing starts the service")
	}
	if said := l.run("systemd-analyze", "verify", "milkrun.service", "milkrun.socket"); said != "" {
		t.Errorf("verify: %s", said)
	}
	l.run("getent", "group", "milkrun-operators")
	l.put("/etc/systemd/system/milkrun.service.d/test.conf", "644", []byte(quick))
	for kind, settings := range l.box.Settings() {
		for _, key := range []string{"password", "appsecret"} {
			if settings[key] != "" && kind != "exchange" {
				l.put("/etc/milkrun/credentials/"+key, "600", []byte(settings[key]+"\n"))
			}
		}
	}
	var env strings.Builder
	for _, kind := range []string{"credit", "busipush"} {
		for _, key := range []string{"accessid", "username", "appcode", "modulecode"} {
			if value := l.box.Settings()[kind][key]; value != "" {
				fmt.Fprintf(&env, "%s=%s\n", strings.ToUpper(key), value)
			}
		}
	}
	l.put("/etc/milkrun/env", "600", []byte(env.String()))
	l.run("systemctl", "daemon-reload")
	l.run("systemctl", "enable", "milkrun")
}

// firstStart starts with the configuration that the package brings.
func (l *life) firstStart(t *testing.T) {
	l.run("systemctl", "start", "milkrun") // returns when the daemon says READY
	if !l.isActive() || l.pid() == "0" || l.status() == "" {
		t.Errorf("pid %s, status %q", l.pid(), l.status())
	}
	for path, want := range map[string]string{
		stateDir:                   "700 milkrun milkrun-operators",
		stateDir + "milkrun.db":    "600 milkrun milkrun-operators",
		"/run/milkrun":             "750 milkrun milkrun-operators",
		"/etc/milkrun":             "755 root root",
		"/etc/milkrun/jobs.toml":   "644 root root",
		"/etc/milkrun/env":         "600 root root",
		"/etc/milkrun/credentials": "700 root root",
	} {
		if got := l.run("stat", "-c", "%a %U %G", path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if limits := l.run("grep", "core file", "/proc/"+l.pid()+"/limits"); !strings.Contains(limits, " 0 ") {
		t.Errorf("core dumps are on: %s", limits)
	}
	l.run("milkrun", "--state", "/var/lib/milkrun/milkrun.db", "runs") // root looks, through the link
	for line := range strings.Lines(l.run("journalctl", "--no-pager", "-u", "milkrun", "-t", "milkrun", "-o", "json")) {
		var entry struct{ PRIORITY, MESSAGE string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.PRIORITY != "6" || strings.Contains(entry.MESSAGE, "time=") || strings.HasPrefix(entry.MESSAGE, "<") {
			t.Errorf("in the journal: %+v", entry)
		}
	}
	l.seed(t)
}

// seed gives the service a business database.
func (l *life) seed(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "business.db")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox.SeedBusiness(t.Context(), db, l.affairs, 0); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l.put(stateDir+"business.db", "600", text)
	l.run("chown", "--reference="+stateDir, stateDir+"business.db")
}

func (l *life) reload(t *testing.T) {
	pid := l.pid()
	l.reloaded(l.config(quiet))
	l.wait("the new configuration is taken over", func() bool { return strings.Contains(l.status(), "affairs") })
	l.reloaded([]byte("timezone = \"Asia/Shanghay\"\n"))
	l.wait("the bad configuration is told", func() bool { return strings.Contains(l.status(), "jobs.toml") })
	told := l.run("journalctl", "--no-pager", "-u", "milkrun", "-p", "err")
	if !strings.Contains(told, "did you mean") || !strings.Contains(told, "Asia/Shanghai") {
		t.Error("the journal does not say as an error what is wrong")
	}
	l.reloaded(l.config(quiet))
	l.wait("the good configuration is taken over", func() bool { return !strings.Contains(l.status(), "jobs.toml") })
	if !l.isActive() || l.pid() != pid || l.property("NRestarts") != "0" {
		t.Errorf("pid %s became %s, %s restarts", pid, l.pid(), l.property("NRestarts"))
	}
}

// kill ends the daemon the hard way; systemd starts another one.
func (l *life) kill() {
	l.restarted("KILL")
}

// powerCut cuts the power and gives it back.
func (l *life) powerCut() {
	l.crash()
	l.boot()
}

// pull hurts the service when it has read a part of the grades, into a new table, and expects the rest to be read.
func (l *life) pull(table string, hurt func()) func(t *testing.T) {
	return func(t *testing.T) {
		before := len(l.resumed("grades"))
		l.reloaded(l.config(strings.ReplaceAll(grades, "TABLE", table)))
		l.wait("a part of the grades is read", func() bool { return part(l.status(), "grades") })
		hurt()
		l.wait("the run is taken up again, and ends", func() bool { return len(l.resumed("grades")) > before })
		l.run("systemctl", "stop", "milkrun")
		l.checkGrades(t, table)
		l.put("/etc/milkrun/jobs.toml", "644", l.config(quiet))
		l.run("systemctl", "start", "milkrun")
	}
}

// part says whether a status shows a job at some percent, neither the first nor the last.
func part(status, job string) bool {
	m := regexp.MustCompile(job + ` (\d+) %`).FindStringSubmatch(status)
	if m == nil {
		return false
	}
	percent, err := strconv.Atoi(m[1])
	return err == nil && percent > 5 && percent < 90
}

// checkGrades compares the table with the partner's list, on the disk of the machine.
func (l *life) checkGrades(t *testing.T, table string) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(l.dir, "upper", stateDir, "business.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT uniscId, enterpriseName, assessGrade FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var code, name, grade string
		if err := rows.Scan(&code, &name, &grade); err != nil {
			t.Fatal(err)
		}
		got[code] = name + grade
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	bad := 0
	l.box.Credit.Each(func(code, name, grade string) bool {
		if got[code] != name+grade {
			bad++
		}
		return true
	})
	if bad > 0 || len(got) != enterprises {
		t.Errorf("%d grades are missing or wrong, and there are %d of %d", bad, len(got), enterprises)
	}
}

// push hurts the service when a part of new affairs is delivered, and expects the rest to be.
func (l *life) push(hurt func()) func(t *testing.T) {
	return func(t *testing.T) {
		const more = 2000
		before := len(l.resumed("affairs"))
		l.run("systemctl", "stop", "milkrun")
		l.addAffairs(t, more)
		l.put("/etc/milkrun/jobs.toml", "644", l.config(pushes))
		l.run("systemctl", "start", "milkrun")
		l.wait("a part of the affairs is delivered", func() bool { return l.box.Busipush.Records() > l.affairs-more*3/4 })
		hurt()
		if l.box.Busipush.Records() >= l.affairs {
			t.Error("the push was over before")
		}
		l.wait("the run is taken up again, and ends", func() bool { return len(l.resumed("affairs")) > before })
		twice := 0
		for id := 1; id <= l.affairs; id++ {
			got := l.box.Busipush.Received(strconv.Itoa(id))
			if got == 0 {
				t.Fatalf("affair %d never arrived", id)
			}
			twice += got - 1
		}
		// Four batches may be in flight at the end, and four more settled but not in the checkpoint.
		if l.hurts++; twice > l.hurts*8*50 {
			t.Errorf("%d affairs came twice", twice)
		}
		l.reloaded(l.config(quiet))
	}
}

// restarted sends a signal to the daemon, and waits until another one runs.
func (l *life) restarted(signal string) {
	l.t.Helper()
	before := l.pid()
	l.run("systemctl", "kill", "-s", signal, "--kill-whom=main", "milkrun")
	l.wait("another daemon runs", func() bool { return l.isActive() && l.pid() != before && l.pid() != "0" })
}

// hanging stops the process, as something that never returns would. The watchdog, made impatient, must notice.
func (l *life) hanging(t *testing.T) {
	l.put("/etc/systemd/system/milkrun.service.d/watchdog.conf", "644", []byte("[Service]\nWatchdogSec=4s\n"))
	l.run("systemctl", "daemon-reload")
	l.run("systemctl", "restart", "milkrun")
	l.restarted("STOP")
	if log := l.run("journalctl", "--no-pager", "-b", "-u", "milkrun"); !strings.Contains(log, "Watchdog timeout") {
		t.Errorf("it was not the watchdog:\n%s", log)
	}
	l.restarted("ABRT") // as after a panic
}

// drain stops the service while the partner takes its time with an answer, longer than the watchdog's patience.
func (l *life) drain(t *testing.T) {
	const more = 400 // of which 4 batches of 50 are under way at once
	before := l.affairs
	l.run("systemctl", "stop", "milkrun")
	l.addAffairs(t, more)
	if err := l.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 6000}); err != nil {
		t.Fatal(err)
	}
	l.put("/etc/milkrun/jobs.toml", "644", l.config(pushes))
	l.run("systemctl", "start", "milkrun")
	l.wait("a delivery is under way", func() bool { return l.box.Faults.Busipush.List()[0].Fired > 0 })
	l.run("systemctl", "stop", "milkrun")
	if result, code := l.property("Result"), l.property("ExecMainStatus"); result != "success" || code != "0" {
		t.Errorf("it stopped with %s, exit code %s", result, code)
	}
	if got := l.box.Busipush.Records() - before; got == 0 || got == more {
		t.Errorf("%d records were delivered while it stopped: those under way must be, the others not", got)
	}
	if err := l.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	l.run("systemctl", "start", "milkrun")
	l.wait("the rest is delivered", func() bool { return l.box.Busipush.Records() == l.affairs })
	l.run("rm", "/etc/systemd/system/milkrun.service.d/watchdog.conf")
	l.run("systemctl", "daemon-reload")
	l.reloaded(l.config(quiet))
}

// addAffairs adds rows behind those that are there.
func (l *life) addAffairs(t *testing.T, n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(l.dir, "upper", stateDir, "business.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var columns string
	err = db.QueryRowContext(t.Context(), "SELECT group_concat(name, ', ') FROM pragma_table_info('user_affairs') WHERE name NOT IN ('id', 'create_date')").Scan(&columns)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO user_affairs (id, create_date, "+columns+") SELECT id + ?, (SELECT max(create_date) FROM user_affairs), "+
		columns+" FROM user_affairs WHERE id <= ?", l.affairs, n)
	if err != nil {
		t.Fatal(err)
	}
	l.affairs += n
}

// noStorm: what a restart does not mend is not restarted, or not for long.
func (l *life) noStorm(t *testing.T) {
	if said, err := l.try("milkrun", "run", "--config", "/etc/milkrun/jobs.toml", "--state", stateDir+"milkrun.db"); err == nil {
		t.Errorf("a second milkrun runs: %s", said)
	}
	l.put("/etc/milkrun/jobs.toml", "644", []byte("nonsense = true\n"))
	_, err := l.try("systemctl", "restart", "milkrun")
	l.wait("it has given up", func() bool { return l.property("ActiveState") == "failed" })
	if err == nil || l.property("ExecMainStatus") != "2" || l.property("NRestarts") != "0" {
		t.Errorf("wrong configuration: %v, exit code %s, %s restarts", err, l.property("ExecMainStatus"), l.property("NRestarts"))
	}
	l.put("/etc/milkrun/jobs.toml", "644", l.config(quiet))
	l.run("cp", "-a", stateDir+"milkrun.db", "/opt/milkrun.db")
	l.put(stateDir+"milkrun.db", "600", []byte(strings.Repeat("this is no database. ", 100)))
	l.run("chown", "--reference="+stateDir, stateDir+"milkrun.db")
	_, _ = l.try("systemctl", "restart", "milkrun")
	l.wait("it has given up", func() bool { return l.property("ActiveState") == "failed" })
	if n, err := strconv.Atoi(l.property("NRestarts")); err != nil || n == 0 || n > 10 {
		t.Errorf("damaged state: %d restarts, %v", n, err)
	}
	l.run("cp", "-a", "/opt/milkrun.db", stateDir+"milkrun.db")
	l.run("systemctl", "reset-failed", "milkrun")
	l.run("systemctl", "start", "milkrun")
}

// socket: a visit to the status page starts the service, with the socket.
func (l *life) socket(t *testing.T) {
	l.run("systemctl", "stop", "milkrun.service")
	l.run("systemctl", "start", "milkrun.socket")
	conn, err := net.Dial("tcp", "127.0.0.1:8474")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l.wait("the visit has started the service", l.isActive)
	environ := l.run("cat", "/proc/"+l.pid()+"/environ")
	if !strings.Contains(environ, "LISTEN_FDNAMES=status\x00") {
		t.Error("the service did not get the socket")
	}
	l.run("systemctl", "stop", "milkrun.socket")
}

func (l *life) upgrade(t *testing.T) {
	pid := l.pid()
	l.install(t, newer)
	l.wait("the new version runs", func() bool { return l.isActive() && l.pid() != pid })
	if said := l.run("milkrun", "version"); !strings.HasPrefix(said, "milkrun "+newer) {
		t.Error(said)
	}
	if got := l.run("cat", "/etc/milkrun/jobs.toml"); got != strings.TrimSpace(string(l.config(quiet))) && !strings.Contains(got, "[jobs.affairs]") {
		t.Errorf("the configuration is not kept:\n%s", got)
	}
	l.run("systemctl", "stop", "milkrun")
	l.install(t, newer)
	if l.isActive() {
		t.Error("an upgrade starts a service that was stopped")
	}
	l.run("systemctl", "start", "milkrun")
}

func (l *life) removed(t *testing.T) {
	l.run("dpkg", "-r", "milkrun")
	if l.isActive() {
		t.Error("it runs without being installed")
	}
	l.run("test", "-s", "/etc/milkrun/jobs.toml")
	l.run("dpkg", "-P", "milkrun")
	for path, stays := range map[string]bool{
		stateDir + "milkrun.db": true, "/etc/milkrun/credentials/password": true, "/etc/milkrun/jobs.toml": false,
		"/etc/systemd/system/multi-user.target.wants/milkrun.service": false,
	} {
		if _, err := l.try("sh", "-c", "test -e '"+path+"' || test -h '"+path+"'"); (err == nil) != stays {
			t.Errorf("after a purge, %s: there is %v", path, err == nil)
		}
	}
}
