package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// Manual is the text of a schedule without slots.
const Manual = "manual"

// Schedule is when a job is due. It is never changed, so it may be shared.
type Schedule struct {
	spec  string
	next  func(after time.Time) time.Time // nil: only by hand
	local *time.Location
}

// Next returns the first slot after an instant, in the schedule's time zone. It is the zero time when there is none,
// which is so for a manual schedule only.
func (s *Schedule) Next(after time.Time) time.Time {
	if s.next == nil {
		return time.Time{}
	}
	return s.next(after).In(s.local)
}

// Manual says whether the schedule has no slots.
func (s *Schedule) Manual() bool { return s.next == nil }

// String returns the text the schedule was read from.
func (s *Schedule) String() string { return s.spec }

// Jitter returns by how much the run of a slot is put off, from 0 up to but not including limit. It depends on the job's
// name and the slot alone, so it is the same after a restart, and different jobs spread.
func Jitter(job string, slot time.Time, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", job, slot.Unix()))
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(limit))
}

// every returns the slots that are multiples of step since the fixed Monday of the package comment.
func every(step time.Duration, loc *time.Location) func(time.Time) time.Time {
	zero, seconds := time.Date(2001, 1, 1, 0, 0, 0, 0, loc).Unix(), int64(step/time.Second)
	return func(after time.Time) time.Time {
		since := after.Unix() - zero
		n := since / seconds
		if since%seconds < 0 {
			n--
		}
		return time.Unix(zero+(n+1)*seconds, 0)
	}
}

// wall returns the first wall-clock time of a cron expression after another one, both written as if they were UTC. The
// library looks five years ahead; 29 February needs up to eight, around the years 2100, 2200, …
func wall(spec *cron.SpecSchedule, after time.Time) time.Time {
	for range 3 {
		if next := spec.Next(after); !next.IsZero() {
			return next
		}
		after = after.AddDate(5, 0, 0)
	}
	return time.Time{}
}

// written returns what the clock on the wall shows at an instant, as if it were UTC.
func written(at time.Time, loc *time.Location) time.Time {
	at = at.In(loc)
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when the clock on the wall first shows a time; for a time inside a gap, the end of the gap.
func instant(shown time.Time, loc *time.Location) time.Time {
	at := shown.Add(-26 * time.Hour).In(loc) // surely before: no zone is that far from UTC
	for {
		start, end := at.ZoneBounds()
		_, offset := at.Zone()
		found := shown.Add(-time.Duration(offset) * time.Second)
		switch {
		case found.Before(start):
			return start
		case end.IsZero() || found.Before(end):
			return found
		}
		at = end
	}
}

// byWall returns the slots of a schedule with fixed hours.
func byWall(spec *cron.SpecSchedule, loc *time.Location) func(time.Time) time.Time {
	return func(after time.Time) time.Time {
		for shown := written(after, loc); ; {
			if shown = wall(spec, shown); shown.IsZero() {
				return shown
			}
			if at := instant(shown, loc); at.After(after) {
				return at
			}
		}
	}
}

// byElapsed returns the slots of a schedule that fires in every hour: each instant at which the wall clock fits.
func byElapsed(spec *cron.SpecSchedule, loc *time.Location) func(time.Time) time.Time {
	return func(after time.Time) time.Time {
		for at, shown := after.In(loc), written(after, loc); ; {
			_, end := at.ZoneBounds()
			_, offset := at.Zone()
			next := wall(spec, shown)
			if next.IsZero() {
				return next
			}
			found := next.Add(-time.Duration(offset) * time.Second)
			if end.IsZero() || found.Before(end) {
				return found
			}
			at, shown = end, written(end, loc).Add(-time.Second) // so that the end itself is looked at
		}
	}
}
