package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"milkrun/sync/mask"
)

// Kind is what an alert says.
type Kind string

// The kinds. The first four are trouble, and what a [Subject] is about.
const (
	Failed    Kind = "failed"    // the last run of a job failed
	Halted    Kind = "halted"    // a job or connection is halted
	Late      Kind = "late"      // a slot was not done by the job's done_by
	Stale     Kind = "stale"     // nothing has succeeded for the job's stale_after
	Recovered Kind = "recovered" // one of these is over
	Test      Kind = "test"      // somebody asked for it
)

// Kinds returns what a channel can take, in the order of the documentation.
func Kinds() []Kind { return []Kind{Failed, Halted, Late, Stale, Recovered} }

// Scope says what a name is the name of.
type Scope string

// The scopes.
const (
	JobScope        Scope = "job"
	ConnectionScope Scope = "connection"
)

// Subject is one sort of trouble of one job or connection. Alerts are deduplicated by it.
type Subject struct {
	Kind  Kind
	Scope Scope
	Name  string
}

// Event is one thing to say. Its texts hold no secret and no personal data.
type Event struct {
	Subject
	Over       bool   // the trouble has ended
	Occurrence string // which one of the subject's: the same again is not said again
	Count      int    // occurrences since the trouble began

	Run    int64     // the run it is about, 0 for none
	At     time.Time // the run ended, the halt began, the deadline passed, the span ran out
	Since  time.Time // the trouble began; stale: the last success, or when the job was first seen
	Text   string    // what the run or the halt says
	Code   string
	Remedy string
	Counts Counts // of the run, or of the one that mended it

	Slot     time.Time      // late: what is not done
	Limit    time.Duration  // stale: the job's stale_after
	Never    bool           // stale: there was no success yet
	Running  time.Time      // late, stale: a run is under way since
	PausedBy string         // stale: an operator has paused the job
	Jobs     []string       // on a halted connection
	Location *time.Location // of the job; nil: UTC

	Partner string // of PartnerScope: whose contacts are told, and
	Notice  Notice // what
}

// Counts are records.
type Counts struct {
	Read, Delivered, Rejected int64
}

// Says is the kind a channel subscribes to: Recovered when the trouble is over.
func (e Event) Says() Kind {
	if e.Over {
		return Recovered
	}
	return e.Kind
}

// ID is the same for the same event however often it is sent, and different for all others: 32 hexadecimal digits.
func (e Event) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%t\x00%s\x00%s\x00%s\x00%s", e.Kind, e.Over, e.Scope, e.Name, e.Occurrence,
		e.Since.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:16])
}

// codeDoubt is the code of a halt for batches of unknown outcome: settling them ends it, and nothing else does.
const codeDoubt = "doubt"

// Command is what to type next; empty when nothing is to be done.
func (e Event) Command() string {
	switch {
	case e.Over:
		return ""
	case e.Kind == Failed:
		return fmt.Sprintf("milkrun runs show %d", e.Run)
	case e.Kind == Halted && e.Code == codeDoubt:
		return "milkrun doubt list " + e.Name
	case e.Kind == Halted, e.Kind == Stale && e.PausedBy != "":
		return "milkrun resume " + e.Name
	case e.Kind == Stale:
		return "milkrun runs " + e.Name
	case e.Kind == Late:
		return "milkrun status"
	}
	return ""
}

// in returns a time in the zone of the event's job.
func (e Event) in(t time.Time) time.Time {
	if e.Location == nil {
		return t.UTC()
	}
	return t.In(e.Location)
}

const (
	longestText   = 300 // characters of a reason: the smallest message any channel takes is 2048 bytes
	longestRemedy = 160
)

// clean makes one line of a text from outside, without personal data and at most so many characters long. The texts of
// the state file are scrubbed already; what leaves the house is scrubbed again.
func clean(text string, longest int) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return shorten(mask.Scrub(strings.Join(strings.Fields(visible), " ")), longest)
}

func shorten(text string, longest int) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
