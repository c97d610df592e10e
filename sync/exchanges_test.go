package sync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	stdsync "sync"
	"testing"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
	"milkrun/sync/transport/answertest"
)

func exchangesOf(t *testing.T, store *state.Store) (list []audit.Row) {
	t.Helper()
	if err := store.EachExchange(t.Context(), state.ExchangeFilter{}, func(r audit.Row) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, _, wrong, err := store.VerifyExchanges(t.Context(), audit.Head{}); err != nil || len(wrong) > 0 {
		t.Fatalf("%v %+v", err, wrong)
	}
	return list
}

// courierOver is a list and a shelf that are reached over HTTP: every call is a request whose answer says how it went.
type courierOver struct {
	*list
	*shelf
	client *transport.Client
	mu     stdsync.Mutex
	answer func(calls int) int // the status
	calls  int
}

func newCourierOver(n int, answer func(calls int) int) *courierOver {
	c := &courierOver{list: &list{n: n}, shelf: newShelf(), answer: answer}
	s := transport.NewSettings()
	c.client = s.Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls++
		return answertest.Reply(c.answer(c.calls), "the answer"), nil
	}))
	return c
}

func (c *courierOver) call(ctx context.Context, op, body string) error {
	_, err := c.client.Do(ctx, transport.Call{Op: op, Secrets: []secret.Secret{secret.New("access-id"), secret.New("hunter2")},
		Build: func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodPost, "https://partner.example/api", bytes.NewReader([]byte(body)))
		}})
	return err
}

func (c *courierOver) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if err := c.call(ctx, "fetch", "pwd=hunter2"); err != nil {
		return feed.Page{}, err
	}
	return c.list.Fetch(ctx, after, limit)
}

func (c *courierOver) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	if err := c.call(ctx, "deliver", "the batch"); err != nil {
		return nil, err
	}
	return c.shelf.Deliver(ctx, b)
}

func always(int) int { return 200 }

// TestExchangesOverHTTP: one row a request, failed ones too, with all that is asked for.
func TestExchangesOverHTTP(t *testing.T) {
	e := newEngine(t)
	source := newCourierOver(25, func(calls int) int {
		if calls == 2 {
			return 503
		}
		return 200
	})
	sink := newCourierOver(0, always)
	sink.deliver = func(b feed.Batch) ([]feed.Rejection, error) {
		if i := slices.Index(b.Values, feed.Value("13")); i >= 0 {
			return []feed.Rejection{{Row: i / 2, Code: "300", Reason: "no"}}, nil
		}
		return nil, nil
	}
	job := newJob(t, "j", source, sink)
	job.Purpose, job.Prefetch = "信用评估", 0
	job.Source.Interface, job.Sink.Interface = "grades", "affairs"
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual, Who: "an operator"})
	if err != nil {
		t.Fatal(err)
	}
	sum := func(text string) audit.Sum { return sha256.Sum256([]byte(text)) }
	key := audit.Fingerprint([]secret.Secret{secret.New("access-id")})
	var in, out []string
	for _, row := range exchangesOf(t, e.Store) {
		common := row.Kind == audit.Call && row.Job == "j" && row.RunID == r.ID && row.Trigger == "manual" && row.Operator == "an operator" &&
			row.Purpose == "信用评估" && row.Key == key && !row.At.IsZero() && row.Took >= 0
		text := fmt.Sprint(row.Batch, " ", row.Records, " ", row.Rejected, " ", row.Status, " ", row.Code)
		switch {
		case !common:
			t.Errorf("row %+v", row)
		case row.Direction == audit.In && row.Connection == "from-j" && row.Interface == "grades":
			if ok := row.Code == ""; ok != (row.Bytes == 10) || ok != (row.Digest == sum("the answer")) {
				t.Errorf("body of %+v", row)
			}
			in = append(in, text)
		case row.Direction == audit.Out && row.Connection == "to-j" && row.Interface == "affairs":
			if row.Bytes != 9 || row.Digest != sum("the batch") {
				t.Errorf("body of %+v", row)
			}
			out = append(out, text)
		default:
			t.Errorf("row %+v", row)
		}
	}
	wantIn := []string{"the beginning 10 0 HTTP 200 ", "10 0 0 HTTP 503 HTTP 503", "10 10 0 HTTP 200 ", "20 5 0 HTTP 200 "}
	wantOut := []string{fmt.Sprintf("%d/1 10 0 HTTP 200 ", r.ID), fmt.Sprintf("%d/2 9 1 HTTP 200 ", r.ID), fmt.Sprintf("%d/3 5 0 HTTP 200 ", r.ID)}
	if !slices.Equal(in, wantIn) || !slices.Equal(out, wantOut) {
		t.Errorf("in %q\nout %q", in, out)
	}
}

// TestExchangesOfDatabases: one row a page and one a batch when rows moved, none when there were none.
func TestExchangesOfDatabases(t *testing.T) {
	e := newEngine(t)
	job := newJob(t, "j", &list{n: 20}, newShelf())
	mustRun(t, e, job)
	rows := exchangesOf(t, e.Store)
	moved := map[string]int64{}
	for _, row := range rows {
		if row.Kind != audit.Batch || row.Status != "" || row.Key != "" || row.Digest != (audit.Sum{}) {
			t.Errorf("row %+v", row)
		}
		moved[row.Direction] += row.Records
	}
	if len(rows) != 4 || moved[audit.In] != 20 || moved[audit.Out] != 20 {
		t.Errorf("moved %v in %d rows", moved, len(rows))
	}
	mustRun(t, e, job) // nothing is new
	if again := exchangesOf(t, e.Store); len(again) != len(rows) {
		t.Errorf("%d rows more", len(again)-len(rows))
	}
}

// TestExchangesSurviveCrashes ends a run at every boundary, with what was not written lost: of what the checkpoint covers
// every exchange is there, pages and batches.
func TestExchangesSurviveCrashes(t *testing.T) {
	t.Parallel()
	crashes := 0
	for at := 1; ; at++ {
		c, path := newCrash(at), filepath.Join(t.TempDir(), "state.db")
		sink := newShelf()
		job := newJob(t, "j", &list{n: 47}, &dying{sink, c, true})
		check := func(e *Engine) { covered(t, e, "j") }
		if !crashOnce(t, path, c, job, check) {
			break
		}
		crashes++
		e := engineOn(t, path)
		covered(t, e, "j")
		covered(t, goOn(t, path, newJob(t, "j", &list{n: 47}, sink)), "j")
	}
	if crashes < streamBoundaries-2 {
		t.Errorf("%d crashes only", crashes)
	}
}

// covered fails when an exchange is missing whose effect is in the checkpoint.
func covered(t *testing.T, e *Engine, job string) {
	t.Helper()
	reached := number(checkpoint(t, e, job))
	read, delivered := map[string]int64{}, map[string]int64{}
	for _, row := range exchangesOf(t, e.Store) {
		if row.Direction == audit.In {
			read[row.Batch] = row.Records
		} else {
			delivered[row.Batch] += row.Records
		}
	}
	for after := 0; after < reached; after += 10 {
		if place := shownCursor(feed.Cursor(strings.TrimPrefix(fmt.Sprint(after), "0"))); read[place] == 0 {
			t.Fatalf("checkpoint %d, and the page behind %s is not in the audit: %v", reached, place, read)
		}
	}
	var sum int64
	for _, n := range delivered {
		sum += n
	}
	if sum < int64(reached) {
		t.Fatalf("checkpoint %d, and %d delivered in the audit", reached, sum)
	}
}

// TestFailedExchangesAreWrittenAtOnce: whoever looks while a partner does not answer sees it.
func TestFailedExchangesAreWrittenAtOnce(t *testing.T) {
	e := newEngine(t)
	source := newCourierOver(5, nil)
	source.answer = func(calls int) int {
		if calls < 4 {
			return 503
		}
		if rows := exchangesOf(t, e.Store); len(rows) != 3 {
			t.Errorf("%d rows are written after three failures", len(rows))
		}
		return 200
	}
	mustRun(t, e, newJob(t, "j", source, newShelf()))
}

// TestExchangesHoldNothingPersonal: neither secrets, nor what the records say, nor what a cursor may hold.
func TestExchangesHoldNothingPersonal(t *testing.T) {
	e := newEngine(t)
	job := newJob(t, "j", phoneBook{newCourierOver(30, always)}, newCourierOver(0, always))
	mustRun(t, e, job)
	for _, row := range exchangesOf(t, e.Store) {
		text := fmt.Sprintf("%+v", row.View())
		for _, bad := range []string{"13800000000", "13812345678", "hunter2", "access-id"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s is in %s", bad, text)
			}
		}
	}
}

// phoneBook has phone numbers for cursors.
type phoneBook struct{ *courierOver }

func (p phoneBook) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	page, err := p.courierOver.Fetch(ctx, feed.Cursor(strings.TrimPrefix(string(after), "13812345678 ")), limit)
	page.Next = "13812345678 " + page.Next
	return page, err
}
