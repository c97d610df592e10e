package schedule

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"milkrun/sync/config/near"
	"milkrun/sync/setting"
)

const everyHour = 1<<24 - 1

var errEmpty = errors.New(`it is empty; write for example "30 1 * * *", or "manual" for a job that only runs by hand`)

var errEvery = errors.New(`write a span of whole seconds, at least 1s, for example "@every 90m"`)

// Parse reads a schedule that is evaluated in loc. The error says what is wrong and what to write instead.
func Parse(spec string, loc *time.Location) (*Schedule, error) {
	spec = strings.TrimSpace(spec)
	s := &Schedule{spec: spec, local: loc}
	var err error
	switch {
	case spec == Manual:
	case spec == "":
		err = errEmpty
	case strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ="):
		err = errors.New(`the time zone does not belong into the expression; set the key timezone = "Area/City"`)
	case strings.HasPrefix(spec, "@every"):
		s.next, err = parseEvery(strings.TrimPrefix(spec, "@every"), loc)
	default:
		s.next, err = parseCron(spec, loc)
	}
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", spec, err)
	}
	return s, nil
}

func parseEvery(text string, loc *time.Location) (func(time.Time) time.Time, error) {
	step, err := setting.ParseDuration(strings.TrimSpace(text))
	if err != nil || step < time.Second || step%time.Second != 0 {
		return nil, errEvery
	}
	return every(step, loc), nil
}

func parseCron(text string, loc *time.Location) (func(time.Time) time.Time, error) {
	if err := precheck(text); err != nil {
		return nil, err
	}
	parsed, err := cron.ParseStandard(text)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errEvery
	}
	spec.Location = time.UTC
	if wall(spec, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("no such day ever comes, so it would never run; correct the day of month or the month")
	}
	if spec.Hour&everyHour == everyHour {
		return byElapsed(spec, loc), nil
	}
	return byWall(spec, loc), nil
}

// precheck finds what the library panics on, explains badly or silently reads as something else.
func precheck(text string) error {
	if strings.HasPrefix(text, "@") {
		return checkDescriptor(text)
	}
	fields := strings.Fields(text)
	switch len(fields) {
	case 5:
	case 6:
		return fmt.Errorf("there are 6 fields; seconds are not supported, leave the first one out: %q",
			strings.Join(fields[1:], " "))
	default:
		return fmt.Errorf(`there are %d fields instead of 5; write minute hour day-of-month month day-of-week, `+
			`for example "30 1 * * *"`, len(fields))
	}
	for i, f := range fields {
		if err := checkField(cronFields()[i], f); err != nil {
			return err
		}
	}
	return nil
}

func checkDescriptor(text string) error {
	known := []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
	for _, k := range known {
		if text == k {
			return nil
		}
	}
	if text == "@reboot" {
		return errors.New("a start of the daemon is no slot; a run missed while it was down is made up by catch_up")
	}
	word, _, _ := strings.Cut(text, " ")
	if meant := near.Near(word, append(known, "@every")); meant != "" {
		return fmt.Errorf("there is no such word; did you mean %q?", meant)
	}
	return fmt.Errorf(`there is no such word; write one of %s, or "@every 90m"`, strings.Join(known, ", "))
}

// cronField is one of the five fields: its name, bounds, and the names that stand for numbers counted from low.
type cronField struct {
	name      string
	low, high int
	names     []string
}

func cronFields() [5]cronField {
	return [5]cronField{
		{"minute", 0, 59, nil},
		{"hour", 0, 23, nil},
		{"day of month", 1, 31, nil},
		{"month", 1, 12, strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
		{"day of week", 0, 6, strings.Fields("sun mon tue wed thu fri sat")},
	}
}

func checkField(f cronField, text string) error {
	for element := range strings.SplitSeq(text, ",") {
		if err := f.check(element); err != nil {
			return fmt.Errorf("%s %q: %w", f.name, text, err)
		}
	}
	return nil
}

// check looks at one list element: *, a, a-b, each with or without /step.
func (f cronField) check(element string) error {
	span, step, stepped := strings.Cut(element, "/")
	from, to, ranged := strings.Cut(span, "-")
	low, high, err := f.bounds(from, to, ranged, stepped)
	switch {
	case err != nil:
		return err
	case low > high:
		return fmt.Errorf("the range %s runs backwards; write two ranges, as in \"%d-%d,%d-%d\"", span, low, f.high, f.low, high)
	case !stepped:
		return nil
	}
	n, err := number(step)
	if err != nil || n < 1 {
		return fmt.Errorf("the step %q is no whole number of at least 1", step)
	}
	if n > 1 && n > high-low {
		return fmt.Errorf("a step of %d from %d leads beyond %d, so it stands for %d alone; write %d, a smaller step, or \"@every …\"",
			n, low, high, low, low)
	}
	return nil
}

func (f cronField) bounds(from, to string, ranged, stepped bool) (low, high int, err error) {
	if from == "*" || from == "?" {
		if ranged {
			return 0, 0, fmt.Errorf("%s-%s is no range; write %q or two numbers", from, to, from)
		}
		return f.low, f.high, nil
	}
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		high, err = f.value(to)
	case stepped:
		high = f.high
	default:
		high = low
	}
	return low, high, err
}

func (f cronField) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(name, text) {
			return f.low + i, nil
		}
	}
	n, err := number(text)
	switch {
	case text == "":
		return 0, errors.New("something is missing before or behind a comma, hyphen or slash")
	case err != nil:
		return 0, fmt.Errorf("%q is no number; letters such as L, W and # are not supported", text)
	case n == 7 && f.name == "day of week":
		return 0, errors.New("7 is no day of the week here; Sunday is 0")
	case n < f.low || n > f.high:
		return 0, fmt.Errorf("%d is outside %d … %d", n, f.low, f.high)
	}
	return n, nil
}

// number reads digits alone: strconv also takes a sign.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n > math.MaxInt32 {
		return 0, errors.New("no number")
	}
	return int(n), nil
}
