package packaging

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// require makes a test that lacks something fail instead of being skipped.
const require = "MILKRUN_REQUIRE_SYSTEMD"

// need skips a test that cannot run here.
func need(t *testing.T, root bool, programs ...string) {
	t.Helper()
	var missing []string
	if root && os.Getuid() != 0 {
		missing = append(missing, "root")
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		untested(t, strings.Join(missing, ", ")+" (Debian: apt-get install systemd systemd-container dpkg rpm)")
	}
}

func untested(t *testing.T, want string) {
	t.Helper()
	text := "NOT TESTED here, for want of: " + want
	if os.Getenv(require) == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// output runs a program and returns what it prints; anything on stderr goes into the error's text.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := attempt(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
	return text
}

// attempt runs a program that may fail, and returns all it prints.
func attempt(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	return strings.TrimSpace(string(text)), err
}
