package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/setting"
)

// maxUnits bounds the units of one backfill: each is a run, with its line in the state file.
const maxUnits = 10_000

// stretch is the range of a backfill, as an operator writes it.
type stretch struct {
	from, to, step string
	zone           *time.Location
	like           feed.Cursor // a cursor of the job, which shows how its times are written; "" for none
}

// units splits a stretch. What its bounds are is seen from them: whole numbers are split by count (values of the cursor,
// or page numbers), times by duration in the zone. The ends are those that were asked for, to the letter; a unit begins
// where the one before it ends, and nothing between them is left out.
func (s stretch) units() ([]state.Unit, error) {
	if s.step == "" {
		return numberUnits([]state.Unit{{From: s.from, To: s.to}}), nil
	}
	first, err := strconv.ParseInt(s.from, 10, 64)
	last, wrong := strconv.ParseInt(s.to, 10, 64)
	if err == nil && wrong == nil {
		return s.numbers(first, last)
	}
	form := standing.TimeForm(s.from)
	if form == "" || standing.TimeForm(s.to) == "" {
		return nil, &exit{code: exitUsage, cause: fmt.Errorf("--step splits a range of times or of whole numbers, and %s to %s is neither", s.from, s.to),
			remedy: "leave out --step: the range is one unit then"}
	}
	return s.times(form)
}

func (s stretch) numbers(first, last int64) ([]state.Unit, error) {
	step, err := strconv.ParseInt(s.step, 10, 64)
	if err != nil || step < 1 {
		return nil, &exit{code: exitUsage, cause: fmt.Errorf("--step %s does not split whole numbers", s.step), remedy: "write how many numbers a unit has, for example --step 100000"}
	}
	if last < first {
		return nil, s.backwards()
	}
	if (last-first)/step >= maxUnits {
		return nil, s.tooMany()
	}
	var units []state.Unit
	for from := first; from <= last; from += step {
		to := min(from+step-1, last)
		units = append(units, state.Unit{From: strconv.FormatInt(from, 10), To: strconv.FormatInt(to, 10)})
	}
	return numberUnits(units), nil
}

// times splits by duration; whole days are those of the calendar.
func (s stretch) times(form string) ([]state.Unit, error) {
	step, err := setting.ParseDuration(s.step)
	if err != nil || step < time.Second {
		return nil, &exit{code: exitUsage, cause: fmt.Errorf("--step %s does not split times", s.step), remedy: "write how long a unit is, for example --step 1d or --step 6h"}
	}
	begin, err := time.ParseInLocation(form, s.from, s.zone)
	if err != nil {
		return nil, err // it has been read
	}
	end, err := s.end()
	switch {
	case err != nil:
		return nil, err
	case begin.After(end):
		return nil, s.backwards()
	case end.Sub(begin)/step >= maxUnits:
		return nil, s.tooMany()
	}
	const day = 24 * time.Hour
	borders := []time.Time{begin}
	for n := 1; ; n++ {
		at := begin.Add(time.Duration(n) * step)
		if step%day == 0 {
			at = begin.In(s.zone).AddDate(0, 0, n*int(step/day))
		}
		if !at.Before(end) {
			break
		}
		borders = append(borders, at)
	}
	return s.between(borders, s.form(form, step%day == 0)), nil
}

// end is when the stretch ends: a day belongs to it as a whole, as in a run over a range.
func (s stretch) end() (time.Time, error) {
	form := standing.TimeForm(s.to)
	end, err := time.ParseInLocation(form, s.to, s.zone)
	if form == time.DateOnly {
		end = end.AddDate(0, 0, 1)
	}
	return end, err
}

// form is how the borders are written: as the operator writes times, else as the job's own cursor does. Times may be
// compared as text, where 2026-11-01T00:00:00 stands behind every 2026-11-01 hour.
func (s stretch) form(from string, days bool) string {
	for _, form := range []string{from, standing.TimeForm(s.to)} {
		if form != time.DateOnly {
			return toTheSecond(form)
		}
	}
	if days {
		return time.DateOnly
	}
	if form := standing.TimeForm(standing.First(s.like)); form != "" && form != time.DateOnly {
		return toTheSecond(form)
	}
	return time.DateTime
}

// toTheSecond is a layout of the same kind that has seconds.
func toTheSecond(form string) string {
	if strings.Contains(form, ":05") {
		return form
	}
	return form + ":05"
}

// between makes units of their borders, which touch: a unit of days ends with the day before the border, any other ends
// before its border ([feed.Before]).
func (s stretch) between(borders []time.Time, form string) []state.Unit {
	units := make([]state.Unit, len(borders))
	for i, from := range borders {
		units[i] = state.Unit{From: from.Format(form), To: s.to}
		if i+1 == len(borders) {
			continue
		}
		if units[i].To = feed.Before + borders[i+1].Format(form); form == time.DateOnly {
			units[i].To = borders[i+1].AddDate(0, 0, -1).Format(form)
		}
	}
	units[0].From = s.from
	return numberUnits(units)
}

func numberUnits(units []state.Unit) []state.Unit {
	for i := range units {
		units[i].N = int64(i + 1)
	}
	return units
}

func (s stretch) backwards() error {
	return &exit{code: exitUsage, cause: fmt.Errorf("from %s to %s is nothing: --from must not stand behind --to", s.from, s.to)}
}

func (s stretch) tooMany() error {
	return &exit{code: exitUsage, cause: fmt.Errorf("steps of %s make more than %s units of that range", s.step, grouped(maxUnits)), remedy: "take a longer --step"}
}
