package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"milkrun/sinks"
	"milkrun/sources"
	"milkrun/sync/config"
)

// TestUnitsAreRight: systemd-analyze verify prints what it does not know and exits with 0, so it must print nothing.
func TestUnitsAreRight(t *testing.T) {
	need(t, false, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"milkrun.service", "milkrun.socket"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		unit := strings.Replace(string(text), "ExecStart=/usr/bin/milkrun", "ExecStart=/bin/true", 1) // not installed here
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		if said := output(t, "systemd-analyze", "verify", "--man=no", filepath.Join(dir, name)); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestServiceIsHardened(t *testing.T) {
	need(t, false, "systemd-analyze")
	said, err := attempt(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", "milkrun.service")
	if err != nil {
		t.Errorf("it scores worse than 1.5: %v\n%s", err, said)
	}
	t.Log(said[strings.LastIndex(said, "Overall"):])
}

// TestStartingConfiguration: the service starts with the file as it is installed, and what is commented out in it is
// right, too, once the comment signs are gone.
func TestStartingConfiguration(t *testing.T) {
	text, err := os.ReadFile("jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	commented := regexp.MustCompile(`(?m)^# (\[|[a-z_]+ +=)`)
	full := commented.ReplaceAllString(string(text), "$1")
	for name, c := range map[string]struct {
		text          string
		resolve       bool
		jobs, enabled int
	}{
		"as installed": {string(text), true, 1, 0},
		"with all":     {full, false, 4, 3},
	} {
		conf, problems := config.Parse("jobs.toml", []byte(c.text), config.Options{
			Registry: config.Registry{Sources: sources.Types(), Sinks: sinks.Types()}, Resolve: c.resolve,
		})
		if conf == nil || len(problems) > 0 {
			t.Fatalf("%s: %v", name, problems)
		}
		enabled := 0
		for _, job := range conf.Jobs {
			if job.Enabled {
				enabled++
			}
		}
		if len(conf.Jobs) != c.jobs || enabled != c.enabled {
			t.Errorf("%s: %d jobs, %d enabled", name, len(conf.Jobs), enabled)
		}
	}
}

// TestStopTimeFits: the service manager waits longer than the daemon drains.
func TestStopTimeFits(t *testing.T) {
	unit, err := os.ReadFile("milkrun.service")
	if err != nil {
		t.Fatal(err)
	}
	var stop, drain int
	app, err := os.ReadFile("../cmd/milkrun/app.go")
	if err != nil {
		t.Fatal(err)
	}
	find(t, string(unit), `(?m)^TimeoutStopSec=(\d+)s$`, &stop)
	find(t, string(app), `(?m)^const drain = (\d+) \* time.Second$`, &drain)
	if stop < drain+15 {
		t.Errorf("TimeoutStopSec=%d, and deliveries get %d s to end", stop, drain)
	}
}

func find(t *testing.T, text, pattern string, to *int) {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no %s", pattern)
	}
	if _, err := fmt.Sscan(m[1], to); err != nil {
		t.Fatal(err)
	}
}
