package sync

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/catalogue"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

var userColumns = feed.NewColumns(feed.Column{Name: "id"}, feed.Column{Name: "phone"}, feed.Column{Name: "level"}, feed.Column{Name: "at"})

// people is a source that streams rows; its cursor is the number of the last one read.
type people struct {
	columns *feed.Columns
	rows    [][]feed.Value
	refuse  map[int]bool // rows that the source itself refuses
}

// newPeople is n good records; a record's own time is an hour before noon.
func newPeople(n int) *people {
	p := &people{columns: userColumns}
	for i := range n {
		p.rows = append(p.rows, []feed.Value{fmt.Sprintf("u%03d", i), "13900000000", int64(1), checkNoon.Add(-time.Hour)})
	}
	return p
}

var checkNoon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (p *people) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	from := number(after)
	to := min(from+limit, len(p.rows))
	page := feed.Page{Rows: feed.Batch{Columns: p.columns}, Total: int64(len(p.rows)), Next: feed.Cursor(strconv.Itoa(to)), Done: to == len(p.rows)}
	for i := from; i < to; i++ {
		if p.refuse[i] {
			page.Rejected = append(page.Rejected, feed.Rejection{Row: i - from, Code: "own", Reason: "the source refuses it", Place: placeOf(i)})
			continue
		}
		page.Rows.Values = append(page.Rows.Values, p.rows[i]...)
	}
	return page, nil
}

func placeOf(i int) feed.Cursor { return feed.Cursor(fmt.Sprintf("u%03d", i)) }

func (p *people) Locate(b feed.Batch, i int) feed.Cursor {
	return feed.Cursor(fmt.Sprint(b.Get(i, "id")))
}

func (p *people) Reread(_ context.Context, at []feed.Cursor) (feed.Batch, error) {
	b := feed.Batch{Columns: p.columns}
	for _, row := range p.rows {
		if len(at) == 1 && fmt.Sprint(row[0]) == string(at[0]) {
			b.Values = append(b.Values, row...)
		}
	}
	return b, nil
}

// users is an interface of user data with the connection of a job's target, or of its source.
func users(job *config.Job, outgoing bool) *catalogue.Interface {
	i := catalogue.New("users")
	i.Key, i.Time, i.Within, i.UserData = []string{"id"}, "at", 30*time.Minute, true
	v := catalogue.NewVersion(1)
	for _, name := range []string{"id", "phone", "level", "at"} {
		v.Fields = append(v.Fields, catalogue.NewField(name))
	}
	v.Fields[0].Required = true
	v.Fields[1].Personal, v.Fields[1].Pattern = "phone", "1[0-9]{10}"
	v.Fields[2].Type, v.Fields[2].Min, v.Fields[2].Max = catalogue.Integer, "1", "9"
	v.Fields[3].Type = catalogue.Time
	i.Versions = []*catalogue.Version{v}
	i.Connection = job.Source.Connection.Name
	if outgoing {
		i.Connection = job.Sink.Connection.Name
	}
	job.Interface = catalogue.Use{Interface: i, Outgoing: outgoing}
	return i
}

func hiding(t *testing.T, job *config.Job) {
	t.Helper()
	rule, err := mask.Parse("phone")
	if err != nil {
		t.Fatal(err)
	}
	job.Mask = map[string]mask.Rule{"phone": rule}
}

// atNoon is an engine whose clock stands still.
func atNoon(t *testing.T) *Engine {
	e := newEngine(t)
	e.Now = func() time.Time { return checkNoon }
	return e
}

func lettersOf(t *testing.T, e *Engine, job string) []state.Letter {
	t.Helper()
	list, err := e.Store.Letters(t.Context(), state.LetterFilter{Job: job, State: state.LetterOpen})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func timelinessOf(t *testing.T, e *Engine) []state.Timeliness {
	t.Helper()
	list, err := e.Store.Timeliness(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestInterfaceOut: what leaves for the partner is held against the interface; what breaks it becomes a dead letter.
func TestInterfaceOut(t *testing.T) {
	e, source, target := atNoon(t), newPeople(25), newShelf()
	source.rows[3][2], source.rows[14][1] = int64(0), "13912345"
	source.refuse = map[int]bool{1: true}
	job := newJob(t, "out", source, target)
	hiding(t, job)
	users(job, true)
	r := mustRun(t, e, job)
	if r.State != state.Part || r.Counts.Rejected != 3 || r.Counts.Delivered != 22 || r.Counts.Read != 25 {
		t.Errorf("%+v", r)
	}
	if target.got["u003"]+target.got["u014"]+target.got["u001"] != 0 || len(target.got) != 22 || !target.phones["139****0000"] || len(target.phones) != 1 {
		t.Errorf("delivered %v, phones %v", target.got, target.phones)
	}
	letters := lettersOf(t, e, "out")
	if len(letters) != 3 {
		t.Fatalf("%+v", letters)
	}
	bad := letters[1]
	if bad.Code != "check:level:min" || bad.Place != "u003" || !strings.HasPrefix(bad.Reason, `users@1: level is below 1, it is "0"`) ||
		!strings.Contains(bad.Reason, "record 4 of the page") || strings.Contains(bad.Record, "13900000000") {
		t.Errorf("%+v", bad)
	}
	if private := letters[2]; private.Code != "check:phone:pattern" || strings.Contains(private.Reason+private.Record, "13912345") {
		t.Errorf("%+v", private)
	}
}

// TestLagIsThatOfNewRecords: those of a first run, and of a range that is read again, have none.
func TestLagIsThatOfNewRecords(t *testing.T) {
	e, source := atNoon(t), newPeople(25)
	job := newJob(t, "out", source, newShelf())
	hiding(t, job)
	users(job, true)
	mustRun(t, e, job)
	want := state.Timeliness{Interface: "users", Version: 1, Job: "out", Day: "2026-11-22", Connection: "to-out", Runs: 1, FirstDone: checkNoon, LastDone: checkNoon,
		Records: 25}
	if list := timelinessOf(t, e); len(list) != 1 || list[0] != want {
		t.Errorf("got  %+v\nwant %+v", list, want)
	}
	source.rows = newPeople(30).rows
	source.rows[26][3], source.rows[27][3], source.rows[28][2] = checkNoon.Add(-time.Minute), nil, "much"
	later := checkNoon.Add(time.Minute)
	e.Now = func() time.Time { return later }
	mustRun(t, e, job)
	want.Runs, want.LastDone, want.Records, want.Rejected, want.Late = 2, later, 29, 1, 2
	for _, lag := range []time.Duration{61 * time.Minute, 61 * time.Minute, 2 * time.Minute} {
		want.Lag.Add(lag)
	}
	if list := timelinessOf(t, e); len(list) != 1 || list[0] != want {
		t.Errorf("got  %+v\nwant %+v", list, want)
	}
}

// TestInterfaceIn: what comes from the partner must be masked already, whatever we do with it.
func TestInterfaceIn(t *testing.T) {
	e, source, target := atNoon(t), newPeople(5), newShelf()
	for i := range source.rows {
		source.rows[i][1] = "139****0000"
	}
	source.rows[2][1] = "13912345678"
	job := newJob(t, "in", source, target)
	hiding(t, job)
	users(job, false)
	r := mustRun(t, e, job)
	letters := lettersOf(t, e, "in")
	if r.Counts.Delivered != 4 || len(letters) != 1 || letters[0].Code != "check:phone:masked" || target.got["u002"] != 0 ||
		strings.Contains(letters[0].Reason+letters[0].Record, "13912345678") {
		t.Errorf("%+v\n%+v", r, letters)
	}
}

// TestInterfaceHaltsBeforeAnythingMoves: a column that must not leave as it is halts the job, and nothing is delivered.
func TestInterfaceHaltsBeforeAnythingMoves(t *testing.T) {
	for name, spoil := range map[string]func(*people, *catalogue.Interface, *config.Job){
		"not masked": func(_ *people, _ *catalogue.Interface, job *config.Job) { job.Mask = nil },
		"not listed": func(_ *people, i *catalogue.Interface, _ *config.Job) {
			i.Versions[0].Fields = i.Versions[0].Fields[:2]
		},
		"never": func(_ *people, i *catalogue.Interface, _ *config.Job) {
			i.Versions[0].Fields[1].Allowed = catalogue.Never
		},
		"not in effect": func(_ *people, i *catalogue.Interface, _ *config.Job) {
			i.Versions[0].From = checkNoon.AddDate(0, 0, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, source, target := atNoon(t), newPeople(25), newShelf()
			job := newJob(t, "out", source, target)
			hiding(t, job)
			spoil(source, users(job, true), job)
			r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
			if err == nil || r.State != state.Halted || r.Code != "interface" || target.calls > 0 {
				t.Errorf("%v, %+v, %d calls", err, r, target.calls)
			}
		})
	}
}

func TestInterfaceCountsAgainstMaxBad(t *testing.T) {
	e, source := atNoon(t), newPeople(60)
	for i := range 12 {
		source.rows[i*2][2] = "much"
	}
	job := newJob(t, "out", source, newShelf())
	hiding(t, job)
	users(job, true)
	job.MaxBad = 10
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != "max_bad" {
		t.Errorf("%v, %+v", err, r)
	}
	list := timelinessOf(t, e)
	if len(list) != 1 || list[0].Runs != 0 || !list[0].LastDone.IsZero() || list[0].Records != r.Counts.Delivered {
		t.Errorf("%+v", list)
	}
}

// TestOtherInterfacesLetColumnsPass: an interface that holds no user data says so, once.
func TestOtherInterfacesLetColumnsPass(t *testing.T) {
	e, target := atNoon(t), newShelf()
	job := newJob(t, "out", newPeople(35), target)
	hiding(t, job)
	i := users(job, true)
	i.UserData, i.Time, i.Versions[0].Fields = false, "", i.Versions[0].Fields[:2]
	r := mustRun(t, e, job)
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil || r.Counts.Delivered != 35 || len(events) != 1 || !strings.Contains(events[0].Text, "[level at]") {
		t.Errorf("%v %+v %+v", err, r, events)
	}
	if list := timelinessOf(t, e); len(list) != 1 || list[0].Lag.Count != 0 || list[0].Records != 35 {
		t.Errorf("%+v", list)
	}
}

// TestLetterIsCheckedAgain: a dead letter that is tried again is held against the interface as a record is.
func TestLetterIsCheckedAgain(t *testing.T) {
	e, source, target := atNoon(t), newPeople(3), newShelf()
	source.rows[1][2] = int64(77)
	job := newJob(t, "out", source, target)
	hiding(t, job)
	users(job, true)
	mustRun(t, e, job)
	again := func() Redelivery {
		list, err := e.Redeliver(t.Context(), job, lettersOf(t, e, "out"), false, "somebody")
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	if one := again(); one.Delivered || !strings.Contains(one.Reason, "level is above 9") || target.got["u001"] != 0 {
		t.Errorf("%+v", one)
	}
	source.rows[1][2] = int64(7)
	if one := again(); !one.Delivered || target.got["u001"] != 1 || !target.phones["139****0000"] || len(target.phones) != 1 {
		t.Errorf("%+v %v", one, target.phones)
	}
}

// TestLettersHideWhatTheInterfaceCallsPersonal, also when it is exchanged as it is and nothing in its name or form says so.
func TestLettersHideWhatTheInterfaceCallsPersonal(t *testing.T) {
	e, source := atNoon(t), newPeople(2)
	source.columns = feed.TextColumns("id", "ref", "level", "at")
	source.rows[1][1], source.rows[1][2] = "Q-4711-X", "much"
	job := newJob(t, "out", source, &bin{})
	ref := users(job, true).Versions[0].Fields[1]
	ref.Name, ref.Personal, ref.Allowed, ref.Pattern = "ref", "other", catalogue.Raw, ""
	job.Interface.UserData = false
	mustRun(t, e, job)
	letters := lettersOf(t, e, "out")
	if len(letters) != 1 || strings.Contains(letters[0].Record+letters[0].Reason, "4711") || !strings.Contains(letters[0].Record, "u001") {
		t.Errorf("%+v", letters)
	}
}

// bin is a sink that takes everything.
type bin struct{}

func (*bin) Deliver(context.Context, feed.Batch) ([]feed.Rejection, error) { return nil, nil }

func TestPreviewLeavesOutWhatIsRefused(t *testing.T) {
	e, source := atNoon(t), newPeople(3)
	source.rows[1][2] = int64(77)
	job := newJob(t, "out", source, newShelf())
	hiding(t, job)
	users(job, true)
	if _, n, err := e.Preview(t.Context(), job, Start{Trigger: state.Manual}); err != nil || n != 2 {
		t.Errorf("%d records, %v", n, err)
	}
}

// TestInterfaceOfAnEnumeration: a refused record is listed, so the target's own one of that key stays.
func TestInterfaceOfAnEnumeration(t *testing.T) {
	e, source, target := atNoon(t), newCrowd(200), &memory{live: map[string]bool{}}
	job := newJob(t, "all", source, target)
	job.PageSize = crowdPage
	mustRun(t, e, job)
	if len(target.live) != 200 {
		t.Fatalf("%d records", len(target.live))
	}
	i := catalogue.New("crowd")
	i.Connection = job.Source.Connection.Name
	v := catalogue.NewVersion(1)
	id := catalogue.NewField("id")
	id.Pattern = "k[0-9]{4}[0-689]"
	v.Fields = []*catalogue.Field{id, catalogue.NewField("phone")}
	i.Versions = []*catalogue.Version{v}
	job.Interface = catalogue.Use{Interface: i}
	r := mustRun(t, e, job)
	if r.State != state.Part || r.Counts.Rejected != 20 || len(target.live) != 200 {
		t.Errorf("%+v, %d records", r, len(target.live))
	}
	if list := lettersOf(t, e, "all"); len(list) != 20 || list[0].Key != "k00007" {
		t.Errorf("%+v", list)
	}
	if list := timelinessOf(t, e); len(list) != 1 || list[0].Rejected != 20 || list[0].Records != 180 {
		t.Errorf("%+v", list)
	}
}
