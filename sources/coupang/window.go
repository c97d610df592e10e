package coupang

import (
	"time"
)

// begin opens a reading behind a cursor that is in none: from as far back as the lookback wants to the end of what has
// settled. It says false when there is nothing to read yet.
func (s *source) begin(through time.Time) (cursor, bool) {
	c := cursor{Through: through, End: s.end}
	if !s.end.After(through) {
		return c, false
	}
	if s.parent != nil {
		parent, some := s.parent.begin(through)
		if !some {
			return c, false
		}
		c.Parent = &parent
	}
	if !s.stream.windowed() {
		return c.first(s), true
	}
	from := s.since
	if !through.IsZero() {
		from = through.Add(-max(s.lookback, s.stream.window.overlap()))
		if from.Before(s.floor) {
			from = s.floor
		}
		if s.bounded { // a range begins where it was asked to
			from = through
		}
	}
	return s.span(c, from), true
}

// span puts the cursor at the window that begins at a time.
func (s *source) span(c cursor, from time.Time) cursor {
	w := s.stream.window
	c.From = w.floor(from)
	span := w.span
	if s.narrow > 0 {
		span = max((span >> s.narrow).Truncate(w.grain()), w.least())
	}
	c.To = w.until(c.From, span)
	if end := w.ceil(c.End); c.To.After(end) {
		c.To = end
	}
	if !c.To.After(c.From) {
		c.To = w.until(c.From, w.least())
	}
	return c.first(s)
}

// first puts the cursor at the first page of the first sweep.
func (c cursor) first(s *source) cursor {
	c.place, c.Nth, c.Sweep = place{}, 0, ""
	if len(s.stream.sweeps) > 0 {
		c.Sweep = s.stream.sweeps[0].name
	}
	return c
}

// after is the window behind the cursor's, overlapping with it (C5); false when the reading is over.
func (s *source) after(c cursor) (cursor, bool) {
	if !s.stream.windowed() || !c.To.Before(s.stream.window.ceil(c.End)) {
		return c, false
	}
	next := s.span(c, c.To.Add(-s.stream.window.overlap()))
	if !next.To.After(c.To) { // a window as narrow as its overlap
		next = s.span(c, c.To)
	}
	return next, true
}

// overlap is how much of a window the next one reads again, since the document does not say on which side its ends are.
func (w window) overlap() time.Duration {
	switch w.unit {
	case days, compactDays:
		return day
	case minutes, seconds:
		return time.Minute
	}
	return 0
}

// grain is what a window is a multiple of.
func (w window) grain() time.Duration {
	if w.unit == days || w.unit == compactDays {
		return day
	}
	return time.Minute
}

// least is the narrowest window.
func (w window) least() time.Duration {
	switch w.unit {
	case days, compactDays:
		return 2 * day // one of them is the overlap
	case months:
		return 31 * day
	}
	return 5 * time.Minute
}

// floor is the beginning of the day, minute or month that a time is in, in Korea.
func (w window) floor(t time.Time) time.Time {
	t = t.In(seoul())
	y, m, d := t.Date()
	switch w.unit {
	case days, compactDays:
		return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	case months:
		return time.Date(y, m, 1, 0, 0, 0, 0, t.Location())
	}
	return t.Truncate(time.Minute)
}

// ceil is the first border at or behind a time.
func (w window) ceil(t time.Time) time.Time {
	f := w.floor(t)
	if f.Equal(t) {
		return f
	}
	switch w.unit {
	case days, compactDays:
		return f.Add(day)
	case months:
		return f.AddDate(0, 1, 0)
	}
	return f.Add(time.Minute)
}

// until is where the window that begins at a border ends.
func (w window) until(from time.Time, span time.Duration) time.Time {
	if w.unit == months {
		return from.AddDate(0, 1, 0)
	}
	return from.Add(span)
}

// params are the bounds as they are sent. Days are sent with the last one inside the window; compact ones with the day behind
// it, as some read the document to mean that the bound itself is outside (C5): of a window that ends today, today would be
// missed. Where it is inside, that day comes twice and is left out.
func (w window) params(c cursor, zoned bool) []param {
	format, offset := "", ""
	from, to := c.From.In(seoul()), c.To.In(seoul())
	switch w.unit {
	case noUnit:
		return nil
	case months:
		return []param{{w.from, from.Format("2006-01")}}
	case days:
		to = to.Add(-day)
		format = time.DateOnly
	case compactDays:
		format = "20060102"
	case minutes:
		format = "2006-01-02T15:04"
	case seconds:
		format = "2006-01-02T15:04:05"
	}
	if zoned && w.unit != compactDays && w.from == "createdAtFrom" {
		offset = "+09:00"
	}
	return []param{{w.from, from.Format(format) + offset}, {w.to, to.Format(format) + offset}}
}
