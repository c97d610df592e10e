package packaging

import (
	"strings"
	"testing"
)

// operators types what people type who live with the service: root, a member of the group, and somebody else.
func (l *life) operators(t *testing.T) {
	l.run("useradd", "--create-home", "--groups", "milkrun-operators", "li")
	l.run("useradd", "--create-home", "wang")
	as := func(user string, line string) (string, error) {
		return l.try("runuser", "-u", user, "--", "sh", "-c", "cd / && milkrun "+line)
	}
	for line, want := range map[string]string{
		"runs": "affairs", "runs show 1": "finished", "slots": "", "dead list": "no dead letters", "backfill list": "no backfill yet", "checkpoint list": "affairs",
		"checkpoint show affairs": "read up to", "checkpoint history affairs": "run", "checkpoint export": "checkpoints", "audit": "", "next": "affairs",
		"status": "runs as process", "plan": "nothing is another", "--lang zh runs": "运行",
	} {
		if said, err := as("li", line); err != nil || !strings.Contains(said, want) {
			t.Errorf("li: milkrun %s: %v\n%s", line, err, said)
		}
		if line == "next" || strings.HasPrefix(line, "--lang") { // the configuration is for everybody to read
			continue
		}
		if said, err := as("wang", line); err == nil || !strings.Contains(said, "sudo") || !strings.Contains(said, "the group milkrun-operators") {
			t.Errorf("wang: milkrun %s: %v\n%s", line, err, said)
		}
	}
	if said, err := as("li", "pause affairs --why 'they move'"); err != nil || !strings.Contains(said, "is paused") {
		t.Errorf("li pauses: %v\n%s", err, said)
	}
	if said, _ := as("li", "status"); !strings.Contains(said, "affairs is paused: by li since ") || strings.Contains(said, "halted") {
		t.Errorf("a pause is shown as\n%s", said)
	}
	if said := l.run("milkrun", "audit"); !strings.Contains(said, "li") || !strings.Contains(said, "they move") {
		t.Errorf("the audit has\n%s", said)
	}
	if said, err := as("li", "resume affiars"); err == nil || !strings.Contains(said, `did you mean "affairs"?`) {
		t.Errorf("a near name: %v\n%s", err, said)
	}
	if said, err := as("li", "resume affairs"); err != nil || !strings.Contains(said, "is over") {
		t.Errorf("li resumes: %v\n%s", err, said)
	}
	l.backedUp(t)
}

// backedUp backs up beside the running service, restores while it is stopped, and asks the doctor.
func (l *life) backedUp(t *testing.T) {
	if said := l.run("milkrun", "backup", "/opt/copy.db"); !strings.Contains(said, "holds the state") {
		t.Errorf("the backup: %s", said)
	}
	if said, err := l.try("milkrun", "restore", "/opt/copy.db", "--why", "a trial"); err == nil || !strings.Contains(said, "systemctl stop milkrun") {
		t.Errorf("a restore beside the service: %v\n%s", err, said)
	}
	said, _ := l.try("milkrun", "doctor", "--deep")
	for _, want := range []string{"the daemon answers", "clock", "free on the disk of", "no damage"} {
		if !strings.Contains(said, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, said)
		}
	}
}
