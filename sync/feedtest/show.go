package feedtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
)

// patience is how long a call may take that should return at once.
const patience = 10 * time.Second

// showRecord writes a record as text, one value a column with its type, sorted; nil is left out.
func showRecord(r map[string]feed.Value) string {
	parts := make([]string, 0, len(r))
	for name, v := range r {
		if v != nil {
			parts = append(parts, name+"="+showValue(v))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

func showValue(v feed.Value) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return fmt.Sprintf("bytes(%x)", v)
	default:
		return fmt.Sprintf("%T(%q)", v, fmt.Sprint(v))
	}
}

func showRecords(list []map[string]feed.Value) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = showRecord(r)
	}
	return out
}

func showRow(b feed.Batch, i int) string {
	r := make(map[string]feed.Value, b.Columns.Len())
	row := b.Row(i)
	for j, col := range b.Columns.List() {
		r[col.Name] = row[j]
	}
	return showRecord(r)
}

func showBatch(b feed.Batch) []string {
	out := make([]string, b.Len())
	for i := range out {
		out[i] = showRow(b, i)
	}
	return out
}

func showSteps(steps []step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, showBatch(s.page.Rows)...)
	}
	return out
}

// showPage is everything of a page that two fetches of it must agree in.
func (c *SourceCase) showPage(p feed.Page) []string {
	out := showBatch(p.Rows)
	if c.Unordered {
		out = sorted(out)
	}
	for _, r := range p.Rejected {
		out = append(out, fmt.Sprintf("rejected %d %s %s", r.Row, r.Code, showRecord(r.Record)))
	}
	return append(out, fmt.Sprintf("next %s, done %v", p.Next, p.Done))
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	sort.Strings(list)
	return list
}

// same reports the first difference of two lists.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	for i, w := range want {
		if i < len(got) && got[i] != w {
			t.Errorf("%s: number %d is\n\t%s\nbut should be\n\t%s", what, i, got[i], w)
			return
		}
	}
	if len(got) > len(want) {
		t.Errorf("%s: %d are there, %d should be; too much is\n\t%s", what, len(got), len(want), got[len(want)])
	}
	if len(got) < len(want) {
		t.Errorf("%s: %d are there, %d should be; missing is\n\t%s", what, len(got), len(want), want[len(got)])
	}
}

// lacking returns the elements of want that are not in got, counting repeats.
func lacking(got, want []string) []string {
	count := make(map[string]int, len(got))
	for _, g := range got {
		count[g]++
	}
	var out []string
	for _, w := range want {
		if count[w]--; count[w] < 0 {
			out = append(out, w)
		}
	}
	return out
}

// noSecret looks for secrets in an error, in all that it wraps, and in its remedy.
func noSecret(t testing.TB, secrets []string, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		noSecretText(t, secrets, "the error", fmt.Sprintf("%v %+v", e, e))
	}
	noSecretText(t, secrets, "the remedy", feed.Judge(err).Remedy)
}

func noSecretText(t testing.TB, secrets []string, what, text string) {
	t.Helper()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("%s holds the secret %q: %s", what, s, text)
		}
	}
}

// prompt runs a call that should return at once and returns its error.
func prompt(t testing.TB, what string, call func() error) error {
	t.Helper()
	return await(t, what, start(call))
}

func start(call func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	return done
}

func await(t testing.TB, what string, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
		return nil
	}
}

// wantCancelled checks the error of a call whose context had been cancelled.
func wantCancelled(t testing.TB, secrets []string, what string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s with a cancelled context returned %v; it should be the context's error", what, err)
	}
	noSecret(t, secrets, err)
}

// cancelMidway starts a call that hangs, cancels its context, and checks that it ends.
func cancelMidway(t testing.TB, secrets []string, what string, arrived <-chan struct{}, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := start(func() error { return call(ctx) })
	select {
	case <-arrived:
	case err := <-done:
		t.Fatalf("%s returned %v before its request arrived", what, err)
	case <-time.After(patience):
		t.Fatalf("%s sends no request", what)
	}
	cancel()
	wantCancelled(t, secrets, what, await(t, what, done))
}
