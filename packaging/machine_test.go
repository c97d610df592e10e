package packaging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv makes the test binary set up the root of a machine, in a mount namespace of its own, and work in it.
const childEnv = "MILKRUN_MACHINE_CHILD"

// order tells the child what to do.
type order struct {
	Dir     string   // of the machine: what it changes on the disk of this one is kept in there
	Command []string // to run in it without booting it; empty: boot
}

func child(text string) int {
	runtime.LockOSThread() // the signal at a parent's death belongs to a thread
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil && len(o.Command) > 0 {
		err = o.run()
	} else if err == nil {
		err = o.boot()
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	return 0
}

// mount lays a folder for changes over this machine's root, and returns where the two together are.
func (o order) mount() (root string, err error) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("a mount namespace: %w", err)
	}
	part := map[string]string{}
	for _, name := range []string{"upper", "work", "root"} {
		part[name] = filepath.Join(o.Dir, name)
		if err := os.MkdirAll(part[name], 0o755); err != nil {
			return "", err
		}
	}
	options := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", part["upper"], part["work"])
	if err := syscall.Mount("overlay", part["root"], "overlay", 0, options); err != nil {
		return "", fmt.Errorf("an overlay of /: %w", err)
	}
	// The index of all manuals is made anew after every installation: no test looks at it, and it takes seconds.
	_ = os.Remove(part["root"] + "/var/lib/man-db/auto-update")
	return part["root"], nil
}

// run runs a command in the root, as in a container without an init.
func (o order) run() error {
	root, err := o.mount()
	if err != nil {
		return err
	}
	for _, name := range []string{"proc", "dev"} {
		if err := syscall.Mount("/"+name, filepath.Join(root, name), "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return err
		}
	}
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// boot boots the root with systemd, in a control group of its own; on a machine that still has cgroup v1, of v2.
func (o order) boot() error {
	root, err := o.mount()
	if err != nil {
		return err
	}
	const groups = "/sys/fs/cgroup"
	_ = syscall.Unmount(groups, syscall.MNT_DETACH) // there may be none
	if err := syscall.Mount("cgroup2", groups, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	name := "milkrun-test-" + strconv.Itoa(os.Getpid())
	group := filepath.Join(groups, name)
	if err := os.Mkdir(group, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0o600); err != nil {
		return err
	}
	if err := furnish(root); err != nil {
		return err
	}
	cmd := exec.Command("systemd-nspawn", "-q", "-D", root, "-b", "-M", name, "--register=no", "--keep-unit", "--console=pipe",
		"--capability=all", "--system-call-filter=bpf", "--link-journal=no")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	orphaned := make(chan os.Signal, 1)
	signal.Notify(orphaned, syscall.SIGTERM)
	if err = cmd.Start(); err == nil {
		go func() {
			<-orphaned // the test was killed
			powerOff(below(strconv.Itoa(cmd.Process.Pid), "systemd"))
		}()
		err = cmd.Wait()
	}
	_ = os.WriteFile(filepath.Join(groups, "cgroup.procs"), []byte("0"), 0o600) // out of it, so that it can be removed
	removeGroup(group)
	return err
}

// furnish makes a new machine of a copy of this one: none of its services start, and it has an identity of its own.
func furnish(root string) error {
	id := root + "/etc/milkrun-test-machine"
	if _, err := os.Stat(id); err == nil {
		return nil // it was booted before
	}
	wants, err := filepath.Glob(root + "/etc/systemd/system/*.wants")
	if err != nil {
		return err
	}
	for _, path := range append(wants, root+"/var/log/journal", root+"/etc/systemd/system/default.target") {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return errors.Join(
		os.MkdirAll(root+"/var/log/journal", 0o755),
		os.Symlink("/lib/systemd/system/multi-user.target", root+"/etc/systemd/system/default.target"),
		os.WriteFile(root+"/etc/machine-id", nil, 0o444),
		os.WriteFile(id, nil, 0o600))
}

// removeGroup removes a control group with those below it. What was killed in it may take a moment to be gone.
func removeGroup(group string) {
	for range 100 {
		var all []string
		_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		for _, path := range slices.Backward(all) {
			_ = os.Remove(path)
		}
		if _, err := os.Stat(group); err != nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// machine is a whole machine: a root laid over this one's, with its own systemd once it is booted. It is in the network of
// the test.
type machine struct {
	t       *testing.T // the part of the test that is under way
	dir     string
	cmd     *exec.Cmd
	console bytes.Buffer
	ended   chan struct{}
	init    string // the process id of its systemd
}

// newMachine makes a machine that is off. It skips the test where there can be none.
func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "milkrun-machine-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: dir}
	t.Cleanup(func() {
		if m.cmd != nil {
			m.crash()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err)
		}
	})
	if said, err := m.chroot("true"); err != nil { // in a container root may not be allowed to
		untested(t, "the right to mount: "+err.Error()+" "+said)
	}
	return m
}

func (m *machine) child(ctx context.Context, command ...string) *exec.Cmd {
	m.t.Helper()
	self, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	text, err := json.Marshal(order{m.dir, command})
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	return cmd
}

// chroot runs a command in the root of a machine that is not booted, and returns all it prints.
func (m *machine) chroot(command ...string) (string, error) {
	m.t.Helper()
	text, err := m.child(m.t.Context(), command...).CombinedOutput()
	return strings.TrimSpace(string(text)), err
}

// boot switches the machine on.
func (m *machine) boot() {
	m.t.Helper()
	m.console.Reset()
	m.cmd = m.child(context.Background())
	m.cmd.Stdout, m.cmd.Stderr = &m.console, &m.console
	ended, started := make(chan struct{}), make(chan error)
	m.ended = ended
	go func() {
		runtime.LockOSThread() // the machine ends with the thread that started it
		defer close(ended)
		err := m.cmd.Start()
		started <- err
		if err == nil {
			_ = m.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		m.t.Fatal(err)
	}
	m.wait("the machine is up", func() bool {
		select {
		case <-ended:
			m.t.Fatalf("the machine does not boot:\n%s", m.console.String())
		default:
		}
		if m.init = below(below(strconv.Itoa(m.cmd.Process.Pid), "systemd-nspawn"), "systemd"); m.init == "" {
			return false
		}
		said, _ := m.try("systemctl", "is-system-running", "--wait")
		return said == "running"
	})
}

// below is the process of a name that another one has started, "" when there is none.
func below(parent, name string) string {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		before, after, _ := strings.Cut(string(text), ") ")
		pid, comm, _ := strings.Cut(before, " (")
		if fields := strings.Fields(after); comm == name && len(fields) > 1 && fields[1] == parent {
			return pid
		}
	}
	return ""
}

// crash cuts the power.
func (m *machine) crash() {
	powerOff(m.init)
	m.init = ""
	select {
	case <-m.ended:
	case <-time.After(20 * time.Second):
		_ = m.cmd.Process.Kill()
	}
}

// powerOff ends a machine by killing its first process.
func powerOff(first string) {
	if pid, err := strconv.Atoi(first); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// command is a command in the booted machine.
func (m *machine) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", m.init, "-m", "-p", "-n", "-i", "-u", "-C", "--"}, args...)...)
}

// try runs a command that may fail, and returns all it prints.
func (m *machine) try(args ...string) (string, error) {
	text, err := m.command(args...).CombinedOutput()
	return strings.TrimSpace(string(text)), err
}

// run runs a command that must not fail.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	text, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return text
}

// put writes a file in the booted machine.
func (m *machine) put(path, mode string, text []byte) {
	m.t.Helper()
	cmd := m.command("install", "-D", "-m", mode, "/dev/stdin", path)
	cmd.Stdin = bytes.NewReader(text)
	if said, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s", path, err, said)
	}
}

// wait waits until something is so. There is no event to wait for in another machine, so it looks again and again.
func (m *machine) wait(what string, so func() bool) {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(3 * time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-limit:
			m.t.Fatalf("waited three minutes in vain until %s\n%s", what, m.log())
		}
	}
}

// log is what the machine has to say about the service.
func (m *machine) log() string {
	if m.init == "" {
		return m.console.String()
	}
	status, _ := m.try("systemctl", "status", "--no-pager", "-n0", "milkrun")
	journal, _ := m.try("journalctl", "--no-pager", "-u", "milkrun", "-n40", "-o", "short-precise")
	return status + "\n" + journal
}
