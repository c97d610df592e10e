package service

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
)

// The priorities of syslog(3) that the journal knows.
const (
	critical = 2
	failure  = 3
	warning  = 4
	info     = 6
	debug    = 7
)

// Stderr returns how to write to this process's stderr. When that is the journal ($JOURNAL_STREAM names its device and
// inode), each line is marked as an error ("journalctl -p err" finds it) unless it says itself what it is, as those of
// [Formatter] do. Else it is [os.Stderr].
func Stderr() io.Writer {
	if ok, err := journal.StderrIsJournalStream(); err != nil || !ok { // an unreadable $JOURNAL_STREAM is not ours to judge
		return os.Stderr
	}
	return &marker{os.Stderr}
}

// IsJournal says whether w is what [Stderr] returns for the journal.
func IsJournal(w io.Writer) bool {
	_, ok := w.(*marker)
	return ok
}

// marker marks lines with a priority that have none.
type marker struct{ w io.Writer }

func (m *marker) Write(text []byte) (int, error) {
	if _, err := m.w.Write(mark(text, failure)); err != nil {
		return 0, err
	}
	return len(text), nil
}

var marked = regexp.MustCompile(`^<[0-7]>`)

// mark puts a priority before every line that has none, as sd-daemon(3) says.
func mark(text []byte, priority int) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 && !marked.Match(line) {
			fmt.Fprintf(&out, "<%d>", priority)
		}
		out.Write(line)
	}
	return out.Bytes()
}

// Formatter formats log entries for the journal: like inner, which should leave out the time, as the journal has it;
// and each line behind the priority of its level.
func Formatter(inner logrus.Formatter) logrus.Formatter { return formatter{inner} }

type formatter struct{ inner logrus.Formatter }

// Format implements [logrus.Formatter].
func (f formatter) Format(entry *logrus.Entry) ([]byte, error) {
	text, err := f.inner.Format(entry)
	if err != nil {
		return nil, err
	}
	return mark(text, priority(entry.Level)), nil
}

func priority(level logrus.Level) int {
	switch level {
	case logrus.PanicLevel, logrus.FatalLevel:
		return critical
	case logrus.ErrorLevel:
		return failure
	case logrus.WarnLevel:
		return warning
	case logrus.InfoLevel:
		return info
	}
	return debug
}
