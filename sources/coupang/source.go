package coupang

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/feed"
)

// source reads one stream of one vendor. It is used by one goroutine.
type source struct {
	stream  *stream
	version version
	layout  *layout
	caller  *caller
	label   string
	ids     []string // asked for one by one, where the settings list them
	parent  *source  // lists them, where they do not

	since    time.Time // where the first reading begins
	floor    time.Time // before which nothing is read, where the settings say so
	end      time.Time // where a reading ends that begins now
	lookback time.Duration
	bounded  bool // of a range: no lookback

	lists    bool // it is the parent of another, and asked for the same page once for each id on it
	seen     seen
	last     kept
	narrow   int // how often the windows were halved, after gateway timeouts
	patient  bool
	failures int // HTTP 500 in a row
}

// kept is the last answer, so that its rows need not be asked for again when they are more than a page may hold.
type kept struct {
	key    string
	answer answer
}

var (
	_ feed.Source        = (*source)(nil)
	_ feed.CursorChecker = (*source)(nil)
	_ feed.Ranger        = (*windowed)(nil)
)

// windowed is a source whose records have a time, so that a part of them can be read.
type windowed struct{ *source }

// Fetch implements [feed.Source]: one call, or none where the answer before has more rows than fit.
func (s *source) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	c, err := s.parse(after)
	if err != nil {
		return feed.Page{}, feed.Errorf(feed.HaltJob, "cursor", "%s: %w", s.label, err).
			WithRemedy("set or reset the job's checkpoint, then resume it")
	}
	if c.End.IsZero() {
		begun, some := s.begin(c.Through)
		if !some {
			return feed.Page{Next: after, Done: true, Total: -1}, nil
		}
		c, s.seen = begun, seen{}
	}
	if s.narrow > 0 && s.stream.windowed() && c.place == (place{}) && c.Sweep == c.first(s).Sweep {
		c = s.span(c, c.From)
	}
	found, next, over, err := s.read(ctx, c, limit)
	if err != nil {
		return feed.Page{}, s.weigh(err)
	}
	s.failures = 0
	return s.page(found, c, next, over), nil
}

// weigh takes a lesson from an error: after a gateway timeout the next try is given more time and a narrower window, and a
// page at which the service failed again and again ends the run.
func (s *source) weigh(err error) error {
	e := feed.Judge(err)
	switch e.Code {
	case "HTTP 504":
		s.patient = true
		s.narrow = min(s.narrow+1, 12)
	case "HTTP 500":
		if s.failures++; s.failures > mostFailures {
			s.failures = 0
			return feed.Errorf(feed.Fail, e.Code, "%w (%d times in a row)", err, mostFailures+1).
				WithRemedy("Coupang answers so as a rule to what it cannot work on: the next run tries it again; if it goes on, ask Coupang")
		}
	}
	return err
}

// found are the records of a call with their places in its answer, those of them that fit into a page.
type found struct {
	elements []element
	at       int // place of the first
	bytes    int
	rejected []feed.Rejection // of an id that could not be asked for
}

// page makes rows of what was found.
func (s *source) page(f found, c, next cursor, over bool) feed.Page {
	p := feed.Page{Rows: feed.Batch{Columns: s.layout.columns}, Next: next.text(), Total: -1, Bytes: f.bytes, Rejected: f.rejected}
	at := c.text()
	for i, e := range f.elements {
		row, column, err := s.layout.row(e)
		if err != nil {
			p.Rejected = append(p.Rejected, s.reject(f.at+i, e.record, column, err))
			continue
		}
		if s.seen.before(row, at) {
			continue
		}
		p.Rows.Values = append(p.Rows.Values, row...)
	}
	if over {
		done := cursor{Through: c.End}
		_, more := s.begin(done.Through) // an interrupted reading has ended, and time went on
		p.Next, p.Done = done.text(), !more
	}
	p.Notes = maps.Clone(s.caller.notes)
	return p
}

// read makes the call of a cursor. Next is where the reading goes on, unless it is over.
func (s *source) read(ctx context.Context, c cursor, limit int) (f found, next cursor, over bool, err error) {
	id, ids, err := s.idOf(ctx, c)
	if err != nil || ids.none {
		next, some := s.leave(c, ids)
		return f, next, !some, err
	}
	if c.Size == 0 && s.stream.paging.size != "" {
		c.Size = min(limit, s.stream.paging.most)
	}
	a, err := s.ask(ctx, c, id)
	if err != nil {
		refused, ok := s.park(err, c, id)
		if !ok {
			return f, c, false, err
		}
		next, some := s.parted(c, ids)
		return found{rejected: refused}, next, !some, nil
	}
	all := s.layout.elements(a.records)
	f = found{elements: all[min(c.Skip, len(all)):], at: c.Skip, bytes: a.bytes}
	if len(f.elements) > limit {
		f.elements = f.elements[:limit]
		c.Skip += limit
		return f, c, false, nil
	}
	next, some := s.turn(c, a, ids)
	return f, next, !some, nil
}

// parted is the cursor behind a refusal: at the next id when the first thing it was asked is refused, for the answer to all else
// would be the same and Coupang blocks who makes many errors; else at the next sweep.
func (s *source) parted(c cursor, ids listed) (cursor, bool) {
	if c.Page == 0 && c.Sweep == c.first(s).Sweep {
		return s.leave(c, ids)
	}
	return s.sweepOn(c, ids)
}

// park makes a dead letter of an id that Coupang refuses, so that the others are read. Other errors are not its fault.
func (s *source) park(err error, c cursor, id string) ([]feed.Rejection, bool) {
	e := feed.Judge(err)
	bad := e.Code == "HTTP 400" || e.Verdict == feed.Fail && strings.HasPrefix(e.Code, "code ")
	if s.stream.id == "" || !bad {
		return nil, false
	}
	return []feed.Rejection{{Row: c.Nth, Code: e.Code, Reason: err.Error(), Record: map[string]feed.Value{s.stream.id: id}}}, true
}

// turn is the cursor behind a page: the next page, else the next sweep, id or window. It says false at the end.
func (s *source) turn(c cursor, a answer, ids listed) (cursor, bool) {
	p := s.stream.paging
	c.Skip = 0
	switch {
	case p.kind == byToken && a.token != "" && a.token != c.Token:
		c.Token = a.token
		c.Page++
		return c, true
	case p.kind == byNumber && (a.pages > 0 && c.Page+1 < a.pages || a.pages == 0 && len(a.records) >= c.Size && len(a.records) > 0):
		c.Page++
		return c, true
	}
	return s.sweepOn(c, ids)
}

// sweepOn is the cursor at the next sweep, id or window.
func (s *source) sweepOn(c cursor, ids listed) (cursor, bool) {
	c.place = place{}
	for i, w := range s.stream.sweeps {
		if w.name == c.Sweep && i+1 < len(s.stream.sweeps) {
			c.Sweep = s.stream.sweeps[i+1].name
			return c, true
		}
	}
	return s.leave(c, ids)
}

// leave is the cursor at the next id, or window.
func (s *source) leave(c cursor, ids listed) (cursor, bool) {
	if s.stream.id == "" {
		return s.after(c)
	}
	nth := c.Nth + 1
	c = c.first(s)
	switch {
	case nth < ids.count:
		c.Nth = nth
		return c, true
	case s.parent == nil || ids.over:
		return c, false
	}
	c.Parent = &ids.next
	return c, true
}

// idsAtOnce is how many ids of an unpaged list are gone through before it is asked for again.
const idsAtOnce = 1000

// listed is what is known of the list of ids that the cursor's id stands in.
type listed struct {
	none  bool // no id on this page of them
	count int
	next  cursor // of the parent
	over  bool   // nothing behind it
}

// idOf returns the id that the cursor stands at, from the settings or from the page of the parent.
func (s *source) idOf(ctx context.Context, c cursor) (string, listed, error) {
	if s.stream.id == "" {
		return "", listed{}, nil
	}
	ids, l := s.ids, listed{count: len(s.ids), over: true}
	if s.parent != nil {
		f, next, over, err := s.parent.read(ctx, *c.Parent, idsAtOnce)
		if err != nil {
			return "", l, err
		}
		ids = nil
		for _, e := range f.elements {
			ids = append(ids, idsAt(e.record, strings.Split(s.stream.from, "."))...)
		}
		l = listed{count: len(ids), next: next, over: over}
	}
	if c.Nth >= len(ids) {
		l.none = true
		return "", l, nil
	}
	return ids[c.Nth], l, nil
}

// idsAt are the ids at a path, through lists.
func idsAt(v any, path []string) []string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, idsAt(e, path)...)
		}
		return all
	case object:
		if len(path) > 0 {
			return idsAt(v[path[0]], path[1:])
		}
	default:
		if id, ok := numeral(v); ok && id != "" && len(path) == 0 {
			return []string{id}
		}
	}
	return nil
}

// ask sends the request of a cursor, unless the last answer is the one to it.
func (s *source) ask(ctx context.Context, c cursor, id string) (answer, error) {
	q := s.request(c, id)
	key := q.path + "?" + query(q.params)
	if s.last.key == key && (c.Skip > 0 || s.lists) {
		return s.last.answer, nil
	}
	call, r, err := s.caller.get(ctx, q)
	if err != nil {
		return answer{}, err
	}
	a, err := s.stream.read(call, r)
	if err != nil {
		return answer{}, err
	}
	for _, o := range a.records {
		s.layout.tidy(o)
		if _, there := o[s.stream.id]; s.stream.id != "" && !there {
			o[s.stream.id] = id
		}
	}
	s.last = kept{key, a}
	return a, nil
}

// request is the call of a cursor.
func (s *source) request(c cursor, id string) request {
	st := s.stream
	q := request{path: s.caller.connection.path(s.version.path, id), patient: s.patient}
	q.params = append(q.params, st.window.params(c, s.version.zoned)...)
	for _, p := range st.params {
		value := strings.NewReplacer("{v}", s.caller.connection.vendor, "{id}", id).Replace(p.value)
		q.params = append(q.params, param{p.name, value})
	}
	for _, w := range st.sweeps {
		if w.name == c.Sweep {
			q.params = append(q.params, w.params...)
		}
	}
	switch st.paging.kind {
	case byToken:
		if c.Token != "" || st.paging.token == "token" { // revenue wants it on its first page too, empty
			q.params = append(q.params, param{st.paging.token, c.Token})
		}
	case byNumber:
		q.params = append(q.params, param{st.paging.token, strconv.Itoa(st.paging.first + c.Page)})
	}
	if c.Size > 0 {
		q.params = append(q.params, param{st.paging.size, strconv.Itoa(c.Size)})
	}
	q.op = describe(s.label, c, id, st.paging.kind != whole)
	return q
}
