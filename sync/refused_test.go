package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// poisoned is a shelf that refuses every batch with one of these records as a whole.
func poisoned(ids ...string) *shelf {
	sink := newShelf()
	sink.deliver = func(b feed.Batch) ([]feed.Rejection, error) {
		for i := range b.Len() {
			if id := b.Get(i, "id").(string); slices.Contains(ids, id) {
				return nil, feed.Errorf(feed.Refuse, "300", "the platform refuses record %s of 13812345678", id)
			}
		}
		return nil, nil
	}
	return sink
}

func numbers(ids []string) []int {
	list := make([]int, len(ids))
	for i, id := range ids {
		list[i] = number(feed.Cursor(id))
	}
	return list
}

// TestPoisonIsFound refuses batches as a whole for one record or several: those become dead letters, all others are
// delivered once.
func TestPoisonIsFound(t *testing.T) {
	cases := map[string][]string{
		"one":           {"137"},
		"the first":     {"1"},
		"the last":      {"300"},
		"three":         {"3", "77", "78"},
		"in each batch": {"5", "150", "299"},
		"side by side":  texted(101, 1, 20),
		"spread":        texted(1, 9, 33),
	}
	for name, ids := range cases {
		t.Run(name, func(t *testing.T) {
			sink, e := poisoned(ids...), newEngine(t)
			job := newJob(t, "j", &list{n: 300}, sink)
			job.PageSize, job.BatchSize = 100, 100
			r := mustRun(t, e, job)
			sink.whole(t, 300, numbers(ids)...)
			if r.State != state.Part || r.Counts.Rejected != int64(len(ids)) || r.Counts.Delivered != int64(300-len(ids)) {
				t.Errorf("run %+v", r)
			}
			open := letters(t, e, "j")
			for i, l := range open {
				if l.Code != "300" || string(l.Place) != ids[i] || l.RunID != r.ID {
					t.Errorf("letter %+v, want one for record %s", l, ids[i])
				}
				hides(t, l.Reason, "13812345678")
				hides(t, l.Record, "13800000000")
			}
			if len(open) != len(ids) {
				t.Errorf("%d dead letters, want %d", len(open), len(ids))
			}
			if got := checkpoint(t, e, "j"); got != "300" {
				t.Errorf("the checkpoint is at %q", got)
			}
		})
	}
}

// texted are n ids from first on, each step further.
func texted(first, step, n int) (ids []string) {
	for i := range n {
		ids = append(ids, strconv.Itoa(first+i*step))
	}
	return ids
}

// TestMorePoisonThanCanBeFound halts when looking costs too much, and names what was found.
func TestMorePoisonThanCanBeFound(t *testing.T) {
	sink, e := poisoned(texted(1, 44, 45)...), newEngine(t)
	job := newJob(t, "j", &list{n: 2000}, sink)
	job.PageSize, job.BatchSize, job.MaxBad = 2000, 2000, 1000
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != "refused" || sink.calls > wholeRefusals+2*bisectBudget {
		t.Fatalf("state %s, code %s, %d calls: %v", r.State, r.Code, sink.calls, err)
	}
	job.BatchSize = 100 // smaller batches, each within its budget
	if _, err := e.Store.ClearHalt(t.Context(), state.JobScope, "j", "an operator", "smaller batches"); err != nil {
		t.Fatal(err)
	}
	mustRun(t, e, job)
	if len(letters(t, e, "j")) != 45 || len(sink.got) != 1955 {
		t.Errorf("%d letters, %d records there", len(letters(t, e, "j")), len(sink.got))
	}
}

// TestRefusedForAWhile is refused a few times and then taken: nothing is halved.
func TestRefusedForAWhile(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		if sink.calls < wholeRefusals {
			return nil, feed.Errorf(feed.Refuse, "300", "not now")
		}
		return nil, nil
	}
	r := mustRun(t, e, newJob(t, "j", &list{n: 10}, sink))
	sink.whole(t, 10)
	if sink.calls != wholeRefusals || r.State != state.Done {
		t.Errorf("%d calls, state %s", sink.calls, r.State)
	}
}

// TestTooManyPoisonRecords uses up the budget of calls: the job halts, and nothing is lost.
func TestTooManyPoisonRecords(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	refuse := func(feed.Batch) ([]feed.Rejection, error) { return nil, feed.Errorf(feed.Refuse, "300", "no") }
	sink.deliver = refuse
	job := newJob(t, "j", &list{n: 2000}, sink)
	job.PageSize, job.BatchSize, job.MaxBad, job.Concurrency = 500, 500, 1000, 4
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != "refused" || r.Remedy == "" {
		t.Fatalf("state %s, code %s: %v", r.State, r.Code, err)
	}
	if sink.calls > job.Concurrency*wholeRefusals+bisectBlind {
		t.Errorf("%d calls, though one batch was enough to find that everything is refused", sink.calls)
	}
	if got := checkpoint(t, e, "j"); got != "" || len(letters(t, e, "j")) > 0 {
		t.Errorf("the checkpoint is at %q", got)
	}
	sink.deliver = nil
	if _, err := e.Store.ClearHalt(t.Context(), state.JobScope, "j", "an operator", "mended"); err != nil {
		t.Fatal(err)
	}
	mustRun(t, e, job)
	sink.whole(t, 2000)
}

// rejecting is a shelf that takes a batch without some of its records.
func rejecting(ids ...string) *shelf {
	sink := newShelf()
	sink.bad = ids
	sink.deliver = func(b feed.Batch) (list []feed.Rejection, err error) {
		for i := range b.Len() {
			if id := b.Get(i, "id").(string); slices.Contains(ids, id) {
				list = append(list, feed.Rejection{Row: i, Code: "phone", Reason: "13812345678 is no phone"})
			}
		}
		return list, nil
	}
	return sink
}

// TestMaxBad halts behind the batch with the record that was one too many: what the partner accepted is not sent again,
// and the dead letters say what is wrong.
func TestMaxBad(t *testing.T) {
	ids := []string{"3", "14", "15", "36"}
	for _, c := range []struct {
		limit int64
		state state.RunState
		upTo  feed.Cursor
		kept  int // dead letters
	}{{4, state.Part, "50", 4}, {3, state.Halted, "40", 4}, {2, state.Halted, "20", 3}, {0, state.Halted, "10", 1}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			sink, e := rejecting(ids...), newEngine(t)
			job := newJob(t, "j", &list{n: 50}, sink)
			job.MaxBad = c.limit
			r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
			if r.State != c.state || (err == nil) != (c.state == state.Part) {
				t.Errorf("state %s: %v", r.State, err)
			}
			if c.state == state.Halted && (r.Code != "max_bad" || !strings.Contains(r.Error, "phone:")) {
				t.Errorf("code %s, error %s", r.Code, r.Error)
			}
			if got := checkpoint(t, e, "j"); got != c.upTo || len(letters(t, e, "j")) != c.kept {
				t.Errorf("the checkpoint is at %q with %d dead letters, want %q and %d", got, len(letters(t, e, "j")), c.upTo, c.kept)
			}
			accounted(t, e, sink)
		})
	}
}

// accounted fails when the checkpoint passes a record that is neither delivered nor a dead letter.
func accounted(t *testing.T, e *Engine, sink *shelf) {
	t.Helper()
	dead := map[string]bool{}
	for _, l := range letters(t, e, "j") {
		dead[string(l.Place)] = true
	}
	for id := 1; id <= number(checkpoint(t, e, "j")); id++ {
		if sink.got[fmt.Sprint(id)] == 0 && !dead[fmt.Sprint(id)] {
			t.Errorf("record %d is neither delivered nor a dead letter", id)
		}
	}
}

func TestHaltOnBadRecord(t *testing.T) {
	sink, e := rejecting("14"), newEngine(t)
	job := newJob(t, "j", &list{n: 50}, sink)
	job.OnBadRecord = "halt"
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted {
		t.Fatalf("state %s: %v", r.State, err)
	}
	hides(t, r.Error, "13812345678")
	if got := checkpoint(t, e, "j"); got != "20" || len(letters(t, e, "j")) != 1 {
		t.Errorf("the checkpoint is at %q with %d dead letters", got, len(letters(t, e, "j")))
	}
}

// picky is a list whose own records are refused by the source when their number is in bad.
type picky struct {
	*list
	bad []int
}

func (p picky) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	all, err := p.list.Fetch(ctx, after, limit)
	kept := feed.Page{Rows: feed.Batch{Columns: cols}, Next: all.Next, Done: all.Done, Total: all.Total}
	for i := range all.Rows.Len() {
		id := all.Rows.Get(i, "id").(string)
		if !slices.Contains(p.bad, number(feed.Cursor(id))) {
			kept.Rows.Values = append(kept.Rows.Values, all.Rows.Row(i)...)
			continue
		}
		kept.Rejected = append(kept.Rejected, feed.Rejection{Row: i, Code: "id", Reason: "no id for 13812345678",
			Record: map[string]feed.Value{"id": id, "phone": "13800000000", "note": "call 13700000000", "count": int64(13600000000)}})
	}
	return kept, err
}

func TestRecordsTheSourceRefuses(t *testing.T) {
	for _, batch := range []int{10, 4, 25} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			sink, e := newShelf(), newEngine(t)
			job := newJob(t, "j", picky{&list{n: 30}, []int{5, 6, 30}}, sink)
			job.BatchSize = batch
			r := mustRun(t, e, job)
			sink.whole(t, 30, 5, 6, 30)
			open := letters(t, e, "j")
			if r.State != state.Part || r.Counts.Rejected != 3 || r.Counts.Read != 30 || len(open) != 3 {
				t.Fatalf("%+v with %d dead letters", r, len(open))
			}
			for _, l := range open {
				for _, secret := range []string{"13812345678", "13800000000", "13700000000", "13600000000"} {
					hides(t, l.Record+l.Reason, secret)
				}
			}
			if !strings.Contains(open[2].Reason, "record 10 of the page behind 20") {
				t.Errorf("the reason is %q", open[2].Reason)
			}
		})
	}
}

// TestTooManyRefusedBySource halts with the page that holds the bad record: its dead letter says what is wrong.
func TestTooManyRefusedBySource(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	job := newJob(t, "j", picky{&list{n: 50}, []int{25}}, sink)
	job.OnBadRecord, job.BatchSize = "halt", 15
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || !strings.Contains(r.Error, "id: no id for") {
		t.Errorf("state %s: %v", r.State, err)
	}
	if got := checkpoint(t, e, "j"); got != "30" || len(letters(t, e, "j")) != 1 {
		t.Errorf("the checkpoint is at %q with %d dead letters", got, len(letters(t, e, "j")))
	}
	if len(sink.got) != 29 {
		t.Errorf("%d records were delivered", len(sink.got))
	}
}

// wide is a source of one record with personal data under many names.
type wide struct{ columns *feed.Columns }

var personal = map[string]feed.Value{"id": "1", "mobile": "13811111111", "tel_number": int64(13822222222), "real": 13833333333.0,
	"姓名": "王小明", "remark": "mail wang@example.com or 13844444444", "raw": []byte("13855555555"), "secret_code": "13866666666", "none": nil}

func (w wide) Fetch(context.Context, feed.Cursor, int) (feed.Page, error) {
	p := feed.Page{Next: "1", Done: true, Total: 1, Rows: feed.Batch{Columns: w.columns}}
	for _, name := range w.columns.Names() {
		p.Rows.Values = append(p.Rows.Values, personal[name])
	}
	return p, nil
}

// TestLettersHoldNothingPersonal checks the three ways in which a dead letter is masked: by the job, by the names of its
// columns, and by the look of its text.
func TestLettersHoldNothingPersonal(t *testing.T) {
	names := make([]string, 0, len(personal))
	for name := range personal {
		names = append(names, name)
	}
	slices.Sort(names)
	e, sink := newEngine(t), anyShelf{reject: true}
	job := newJob(t, "j", wide{feed.TextColumns(names...)}, sink)
	rule, err := mask.Parse("password")
	if err != nil {
		t.Fatal(err)
	}
	job.Mask = map[string]mask.Rule{"secret_code": rule}
	mustRun(t, e, job)
	open := letters(t, e, "j")
	if len(open) != 1 {
		t.Fatalf("%d dead letters", len(open))
	}
	for _, clear := range []string{"13811111111", "13822222222", "13833333333", "小明", "wang@", "13844444444", "13855555555", "13866666666", "13877777777"} {
		hides(t, open[0].Record+open[0].Reason, clear)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(open[0].Record), &record); err != nil || len(record) != len(names) || record["id"] != "1" {
		t.Errorf("record %v: %v", record, err)
	}
}

// TestLettersOfNumbersThatAreNone: what JSON cannot write does not take the rest of the record with it.
func TestLettersOfNumbersThatAreNone(t *testing.T) {
	r := &run{engine: newEngine(t), job: newJob(t, "j", &list{}, newShelf()), source: &list{}}
	got := r.letter(feed.Rejection{}, map[string]feed.Value{"id": "1", "a": math.Inf(1), "b": math.Inf(-1), "c": math.NaN(), "d": 1.5})
	if want := `{"a":"+Inf","b":"-Inf","c":"NaN","d":1.5,"id":"1"}`; got.Record != want {
		t.Errorf("%s, want %s", got.Record, want)
	}
}

// anyShelf takes records of any columns, or rejects all of them.
type anyShelf struct{ reject bool }

func (s anyShelf) Deliver(_ context.Context, b feed.Batch) (list []feed.Rejection, err error) {
	for i := range b.Len() {
		if s.reject {
			list = append(list, feed.Rejection{Row: i, Code: "no", Reason: "13877777777 is known"})
		}
	}
	return list, nil
}

func TestMaskedOnTheWay(t *testing.T) {
	sink := newShelf()
	job := newJob(t, "j", &list{n: 30}, sink)
	job.Mask = phoneMask(t, "phone")
	mustRun(t, newEngine(t), job)
	sink.whole(t, 30)
	if sink.phones["13800000000"] || len(sink.phones) != 1 {
		t.Errorf("phones %v", sink.phones)
	}
}

func phoneMask(t *testing.T, column string) map[string]mask.Rule {
	t.Helper()
	rule, err := mask.Parse("phone")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]mask.Rule{column: rule}
}

// renamed is a list whose column phone is called otherwise from some record on.
type renamed struct {
	*list
	from int
}

func (l renamed) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := l.list.Fetch(ctx, after, limit)
	if number(after) >= l.from {
		p.Rows.Columns = feed.TextColumns("id", "tel")
	}
	return p, err
}

// TestMaskOfAMissingColumn halts before a row moves, whenever the column is not there.
func TestMaskOfAMissingColumn(t *testing.T) {
	for name, c := range map[string]struct {
		source feed.Source
		column string
		moved  int
	}{
		"misspelt":            {&list{n: 30}, "phome", 0},
		"after an empty page": {lateColumns{&list{n: 30}}, "phome", 0},
		"gone in the third":   {renamed{&list{n: 50}, 20}, "phone", 20},
		"pages fetched ahead": {pagedList{&list{n: 30}}, "phome", 0},
		"an enumeration":      {newCrowd(30), "phome", 0},
	} {
		t.Run(name, func(t *testing.T) {
			sink, e := newShelf(), newEngine(t)
			job := newJob(t, "j", c.source, sink)
			job.Mask = phoneMask(t, c.column)
			r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
			if err == nil || r.State != state.Halted || r.Code != "mask" || !strings.Contains(r.Error, "phone") {
				t.Errorf("state %s, code %s: %v", r.State, r.Code, err)
			}
			if len(sink.got) > c.moved || sink.phones["13800000000"] {
				t.Errorf("%d records moved, phones %v", len(sink.got), sink.phones)
			}
			var halted *HaltedError
			if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); !errors.As(err, &halted) {
				t.Errorf("a halted job ran: %v", err)
			}
		})
	}
}
