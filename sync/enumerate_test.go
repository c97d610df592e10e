package sync

import (
	"context"
	"slices"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// holding is a memory that holds what a crowd lists, and some more.
func holding(c *crowd, more ...string) *memory {
	m := &memory{live: map[string]bool{}}
	for _, key := range slices.Concat(c.keys, more) {
		m.live[key] = true
	}
	return m
}

func kindsOf(t *testing.T, e *Engine, r state.Run) (kinds []string) {
	t.Helper()
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		kinds = append(kinds, ev.Kind)
	}
	return kinds
}

// TestDeletesNeedTwoReadings deletes what two readings in a row do not list, and nothing that only the first one missed.
func TestDeletesNeedTwoReadings(t *testing.T) {
	for name, back := range map[string]bool{"gone": false, "back at the second reading": true} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(100)
			sink := holding(c)
			missed := c.keys[70]
			c.keys = slices.Delete(c.keys, 70, 71)
			pages := 0
			c.hook = func(int) {
				if pages++; back && pages == 30 { // behind the first reading and its second look
					c.keys = slices.Insert(c.keys, 70, missed)
				}
			}
			e := newEngine(t)
			job := newJob(t, "j", c, sink)
			job.Prefetch = 1
			r := mustRun(t, e, job)
			same(t, c, sink)
			if sink.live[missed] != back || !slices.Contains(kindsOf(t, e, r), "pass") {
				t.Errorf("the record is there: %v; events %v", sink.live[missed], kindsOf(t, e, r))
			}
			if n := int64(len(c.keys)); r.Counts.Read != n || r.Counts.Delivered != n {
				t.Errorf("%d read and %d delivered of %d", r.Counts.Read, r.Counts.Delivered, n)
			}
		})
	}
}

// shifty moves rows at its second reading, where no page is looked at again: one is skipped.
type shifty struct {
	mover
	at197 int
}

func (s *shifty) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if pageOf(after) == 197 {
		if s.at197++; s.at197 == 2 {
			s.remove(1955) // on a page that was read
			s.insert(1990) // on one that was not: row 1970, now 1969, is skipped
		}
	}
	return s.mover.Fetch(ctx, after, limit)
}

// TestDeletesNeedBothReadings misses one record at the first reading, which is gone, and another at the second, which is
// not: only the one that both did not list is deleted.
func TestDeletesNeedBothReadings(t *testing.T) {
	source := &shifty{mover: mover{crowd: newCrowd(3200)}}
	sink := holding(source.crowd, "gone")
	dropped, skipped := source.keys[1955], source.keys[1970]
	job := newJob(t, "j", source, sink)
	job.Prefetch = 1
	e := newEngine(t)
	r := mustRun(t, e, job)
	if sink.live["gone"] || !sink.live[skipped] || source.at197 < 2 {
		t.Errorf("gone: %v, skipped: %v, read %d times", sink.live["gone"], sink.live[skipped], source.at197)
	}
	if r.Counts.Delivered != 3200 || !slices.Contains(kindsOf(t, e, r), "keep") {
		t.Errorf("%+v, events %v", r.Counts, kindsOf(t, e, r))
	}
	mustRun(t, e, job) // the next night tells
	same(t, source.crowd, sink)
	if sink.live[dropped] {
		t.Error("the record that was dropped is still there")
	}
}

// TestRowsExchangedUnseen has rows removed and as many inserted between two pages: the total never changes, and no key is
// read twice. The last look finds that the pages behind have moved.
func TestRowsExchangedUnseen(t *testing.T) {
	for _, prefetch := range []int{1, 4} {
		m := &mover{crowd: newCrowd(1000)}
		m.hook = func(call int) {
			if call == 50 {
				m.remove(100) // read already: everything behind moves up, one record is skipped
				m.insert(999) // and the total stays
			}
		}
		sink := &memory{}
		job := newJob(t, "j", m.crowd, sink)
		job.Prefetch = prefetch
		mustRun(t, newEngine(t), job)
		same(t, m.crowd, sink)
	}
}

// TestMovingRowsIntoAPlainTarget has rows move while they are pushed to a target without generations: none is left out.
func TestMovingRowsIntoAPlainTarget(t *testing.T) {
	for name, act := range map[string]func(m *mover){
		"removed":   func(m *mover) { m.remove(30) },
		"inserted":  func(m *mover) { m.insert(30) },
		"exchanged": func(m *mover) { m.remove(30); m.insert(999) },
	} {
		t.Run(name, func(t *testing.T) {
			m := &mover{crowd: newCrowd(1000)}
			m.hook = func(call int) {
				if call == 60 {
					act(m)
				}
			}
			sink, e := newShelf(), newEngine(t)
			job := newJob(t, "j", m.crowd, sink)
			job.Prefetch = 1
			r := mustRun(t, e, job)
			for _, key := range m.keys {
				if sink.got[key] == 0 {
					t.Errorf("record %s is missing", key)
				}
			}
			if !slices.Contains(kindsOf(t, e, r), "pass") || r.Counts.Delivered != int64(len(m.keys)) {
				t.Errorf("%+v, events %v", r.Counts, kindsOf(t, e, r))
			}
		})
	}
}

// TestRowsThatNeverRestIntoAPlainTarget says that the target may lack records.
func TestRowsThatNeverRestIntoAPlainTarget(t *testing.T) {
	m := &mover{crowd: newCrowd(500)}
	m.hook = func(call int) { m.insert(call * 31 % 400) }
	r, err := newEngine(t).Run(t.Context(), newJob(t, "j", m.crowd, newShelf()), Start{Trigger: state.Manual})
	if err == nil || r.State != state.Failed || r.Code != "drift" || !strings.Contains(r.Remedy, "may be missing") {
		t.Errorf("state %s, code %s, remedy %q: %v", r.State, r.Code, r.Remedy, err)
	}
}

// alone fails a test when it is asked for two pages at once.
type alone struct {
	t    *testing.T
	c    *crowd
	busy chan struct{}
}

func (a *alone) Key() []string                              { return a.c.Key() }
func (a *alone) Position(after feed.Cursor) int64           { return a.c.Position(after) }
func (a *alone) CursorAt(page int64, limit int) feed.Cursor { return a.c.CursorAt(page, limit) }
func (a *alone) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	default:
		a.t.Error("two pages are asked for at once, and the source is no pager")
	}
	return a.c.Fetch(ctx, after, limit)
}

// TestOnlyPagersAreAskedInParallel reads, and looks again, one page at a time.
func TestOnlyPagersAreAskedInParallel(t *testing.T) {
	c := newCrowd(500)
	sink := &memory{}
	mustRun(t, newEngine(t), newJob(t, "j", &alone{t, c, make(chan struct{}, 1)}, sink))
	same(t, c, sink)
}

// pickyCrowd refuses some of its own records, with their keys or without.
type pickyCrowd struct {
	*crowd
	bad   map[string]bool
	noKey bool
}

func (p *pickyCrowd) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	page, err := p.crowd.Fetch(ctx, after, limit)
	good := feed.Batch{Columns: cols}
	for i := range page.Rows.Len() {
		key := page.Rows.Get(i, "id").(string)
		if !p.bad[key] {
			good.Values = append(good.Values, page.Rows.Row(i)...)
			continue
		}
		rej := feed.Rejection{Row: i, Code: "grade", Reason: "no grade", NoKey: p.noKey, Record: map[string]feed.Value{"id": key}}
		if p.noKey {
			rej.Record["id"] = nil
		}
		page.Rejected = append(page.Rejected, rej)
	}
	page.Rows = good
	return page, err
}

// TestRefusedRecordsAreNotDeleted keeps the current record of one that is listed and cannot be taken, whoever refuses it.
func TestRefusedRecordsAreNotDeleted(t *testing.T) {
	c := newCrowd(200)
	bad := map[string]bool{"k00033": true, "k00150": true, "new": true}
	c.keys = append(c.keys, "new")
	for name, build := range map[string]func() (feed.Source, *memory){
		"the source":              func() (feed.Source, *memory) { return &pickyCrowd{c, bad, false}, &memory{} },
		"the source, keys unread": func() (feed.Source, *memory) { return &pickyCrowd{c, bad, true}, &memory{} },
		"the target":              func() (feed.Source, *memory) { return c, &memory{refuse: bad} },
	} {
		t.Run(name, func(t *testing.T) {
			source, sink := build()
			sink.live = holding(&crowd{keys: c.keys[:200]}).live
			e := newEngine(t)
			r := mustRun(t, e, newJob(t, "j", source, sink))
			if len(sink.live) != 200 || !sink.live["k00033"] || !sink.live["k00150"] {
				t.Errorf("%d records are left", len(sink.live))
			}
			if r.State != state.Part || r.Counts.Rejected != 3 || r.Counts.Delivered != 198 || len(letters(t, e, "j")) == 0 {
				t.Errorf("state %s, %+v, %d dead letters", r.State, r.Counts, len(letters(t, e, "j")))
			}
		})
	}
}

// TestLettersOfAnEarlierPassAreClosed closes the letter of a record that a later pass takes.
func TestLettersOfAnEarlierPassAreClosed(t *testing.T) {
	c, e := newCrowd(100), newEngine(t)
	source := &pickyCrowd{c, map[string]bool{"k00010": true, "k00020": true}, false}
	sink := &memory{}
	job := newJob(t, "j", source, sink)
	mustRun(t, e, job)
	if open := letters(t, e, "j"); len(open) != 2 {
		t.Fatalf("%d letters", len(open))
	}
	delete(source.bad, "k00010")
	mustRun(t, e, job)
	if open := letters(t, e, "j"); len(open) != 1 || open[0].Key != "k00020" {
		t.Fatalf("open: %+v", open)
	}
}

// TestAlikeRecordsKeepTheirLetters refuses records without keys, with blank ones, and with the same one: each has a letter,
// and the same one the next night.
func TestAlikeRecordsKeepTheirLetters(t *testing.T) {
	c, e := newCrowd(50), newEngine(t)
	for _, at := range []int{3, 13, 23} {
		c.keys[at] = "无"
	}
	for _, at := range []int{4, 14} {
		c.keys[at] = " "
	}
	source := &pickyCrowd{c, map[string]bool{"无": true, " ": true}, false}
	job := newJob(t, "j", source, &memory{})
	for night := range 2 {
		r := mustRun(t, e, job)
		open := letters(t, e, "j")
		if r.Counts.Rejected != 5 || len(open) != 5 {
			t.Fatalf("night %d: %d rejected, %d letters: %+v", night, r.Counts.Rejected, len(open), open)
		}
		for _, l := range open {
			if l.Tries != night+1 || l.RunID != r.ID {
				t.Errorf("night %d: letter %q was tried %d times, last in run %d", night, l.Key, l.Tries, l.RunID)
			}
		}
	}
	source.noKey = true
	if r := mustRun(t, e, job); r.Counts.Rejected != 5 || len(letters(t, e, "j")) != 5 {
		t.Errorf("without keys: %d rejected, %d letters", r.Counts.Rejected, len(letters(t, e, "j")))
	}
}

// TestMaxBadIsOfOneReading reads a second time with as many bad records as there may be, and does not count them twice.
func TestMaxBadIsOfOneReading(t *testing.T) {
	c := newCrowd(100)
	sink := holding(c, "gone")
	source := &pickyCrowd{c, map[string]bool{"k00001": true, "k00002": true, "k00003": true}, false}
	job := newJob(t, "j", source, sink)
	job.MaxBad = 3
	r := mustRun(t, newEngine(t), job)
	if r.Counts.Rejected != 3 || r.Counts.Read != 100 || sink.live["gone"] {
		t.Errorf("%+v, %d records", r.Counts, len(sink.live))
	}
}

// breaking is a crowd that cannot be read to its end.
type breaking struct{ *crowd }

func (b breaking) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if pageOf(after) == 7 {
		return feed.Page{}, feed.Errorf(feed.Fail, "", "no page 7")
	}
	return b.crowd.Fetch(ctx, after, limit)
}

// TestNothingIsDeliveredBeforeTheSwap stops a reading: what is staged is not delivered.
func TestNothingIsDeliveredBeforeTheSwap(t *testing.T) {
	e := newEngine(t)
	r, err := e.Run(t.Context(), newJob(t, "j", breaking{newCrowd(100)}, &memory{}), Start{Trigger: state.Manual})
	if err == nil || r.Counts.Read != 70 || r.Counts.Delivered != 0 {
		t.Errorf("%d read, %d delivered: %v", r.Counts.Read, r.Counts.Delivered, err)
	}
	cp, _, err := e.Store.Checkpoint(t.Context(), "j", state.Full)
	if err != nil || cp.Rows != 70 {
		t.Errorf("%d records are staged: %v", cp.Rows, err)
	}
}

// narrow is a list whose records lack a column.
type narrow struct{ *list }

func (n narrow) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := n.list.Fetch(ctx, after, limit)
	out := feed.Batch{Columns: feed.TextColumns("id")}
	for i := range p.Rows.Len() {
		out.Values = append(out.Values, p.Rows.Get(i, "id"))
	}
	p.Rows = out
	return p, err
}

// TestVanishedColumn halts when records come without a column they had, before a row moves; an operator may accept it.
func TestVanishedColumn(t *testing.T) {
	e, got := newEngine(t), 0
	sink := newShelf()
	mustRun(t, e, newJob(t, "j", &list{n: 30}, sink))
	sink.deliver = func(b feed.Batch) ([]feed.Rejection, error) { got += b.Len(); return nil, errLost }
	job := newJob(t, "j", narrow{&list{n: 50}}, sink)
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != codeVanished || !strings.Contains(r.Error, "phone") || got != 0 {
		t.Fatalf("state %s, code %s, %d records delivered: %v", r.State, r.Code, got, err)
	}
	if _, err := e.Store.ClearHalt(t.Context(), state.JobScope, "j", "an operator", "it is meant"); err != nil {
		t.Fatal(err)
	}
	taken := &counter{}
	job = newJob(t, "j", narrow{&list{n: 50}}, taken)
	for range 2 { // and it is not asked again
		mustRun(t, e, job)
	}
	if taken.records != 20 {
		t.Errorf("%d records", taken.records)
	}
}

// counter is a sink that counts.
type counter struct{ records int }

func (c *counter) Deliver(_ context.Context, b feed.Batch) ([]feed.Rejection, error) {
	c.records += b.Len()
	return nil, nil
}

// TestImpossibleRejection halts on a sink that names a record the batch does not have, or one twice.
func TestImpossibleRejection(t *testing.T) {
	for name, list := range map[string][]feed.Rejection{
		"behind the end": {{Row: 10}}, "before the beginning": {{Row: -1}}, "twice": {{Row: 3}, {Row: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			sink, e := newShelf(), newEngine(t)
			sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return list, nil }
			r, err := e.Run(t.Context(), newJob(t, "j", &listed{10}, sink), Start{Trigger: state.Manual})
			if err == nil || r.State != state.Halted || checkpoint(t, e, "j") != "" {
				t.Errorf("state %s, checkpoint %q: %v", r.State, checkpoint(t, e, "j"), err)
			}
		})
	}
}

// TestTotalOfACountingSource asks the source how many records are to come.
func TestTotalOfACountingSource(t *testing.T) {
	r := mustRun(t, newEngine(t), newJob(t, "j", &listed{40}, newShelf()))
	if r.Counts.Total != 40 {
		t.Errorf("total %d", r.Counts.Total)
	}
}

// listed is a list that states no total with its pages, and can count.
type listed struct{ n int }

func (l *listed) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := (&list{n: l.n}).Fetch(ctx, after, limit)
	p.Total = -1
	return p, err
}

func (l *listed) Count(_ context.Context, after feed.Cursor) (int64, error) {
	return int64(l.n - number(after)), nil
}

// TestOpaqueHasNoCompletePass would deliver everything once more.
func TestOpaqueHasNoCompletePass(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	r, err := e.Run(t.Context(), newJob(t, "j", &list{n: 10}, opaqueShelf{sink}), Start{Trigger: state.Manual, Full: true})
	if err == nil || r.State != state.Failed || r.Remedy == "" || len(sink.got) > 0 {
		t.Errorf("state %s: %v", r.State, err)
	}
}
