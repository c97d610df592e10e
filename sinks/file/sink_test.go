package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/setting/settingtest"
)

// open configures a sink as jobs.toml would.
func open(t testing.TB, dir, path string, key ...any) feed.Sink {
	t.Helper()
	c := files.NewConnection()
	s := NewSink(c)
	settingtest.Valid(t, c, map[string]any{"dir": dir})
	keys := map[string]any{"path": path}
	if key != nil {
		keys["key"] = key
	}
	settingtest.Valid(t, s, keys)
	sink, err := s.Open(t.Context(), kind.Env{Job: "job"})
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func columns() *feed.Columns {
	return feed.NewColumns(feed.Column{Name: "id", Type: feed.Integer}, feed.Column{Name: "full, name", Type: feed.Text},
		feed.Column{Name: "at", Type: feed.Time}, feed.Column{Name: "day", Type: feed.Date},
		feed.Column{Name: "ok", Type: feed.Boolean}, feed.Column{Name: "rate", Type: feed.Real}, feed.Column{Name: "raw", Type: feed.Bytes})
}

// rows makes seven records whose texts are hard to write.
func rows(variant string) feed.Batch {
	b := feed.Batch{Columns: columns()}
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.FixedZone("", 8*3600))
	for i, text := range []string{"plain", "", `a "b", c`, "two\r\nlines", " spaces ", "王小明\t\x01\\", "\ufeff"} {
		b.Values = append(b.Values, int64(i), text+variant, at, at, i%2 == 0, float64(i)*1.5, []byte{byte(i), 255})
	}
	b.Values = append(b.Values, int64(7), nil, nil, nil, nil, nil, nil)
	if variant != "" {
		b.Values[len(b.Values)-1] = []byte(variant)
	}
	return b
}

// lines are the records as the sink writes them.
func lines(t testing.TB, csv bool, b feed.Batch) []string {
	t.Helper()
	f, err := newForm(csv, b.Columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, b.Len())
	for i := range out {
		line, wrong := f.line(nil, b.Row(i))
		if wrong != nil {
			t.Fatal(wrong)
		}
		out[i] = string(line)
	}
	return out
}

// stored reads a file: of several lines with an id the last one counts.
func stored(t testing.TB, path string, csv bool) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]string{}
	found, err := records(bytes.NewReader(raw), csv, func(_ int64, record []byte) error {
		id, _, _ := strings.Cut(string(record), ",")
		byID[id] = string(record)
		return nil
	})
	if err != nil || len(found.torn) > 0 {
		t.Fatalf("%v, torn %q", err, found.torn)
	}
	var out []string
	for _, record := range byID {
		out = append(out, record)
	}
	return out
}

func TestConformance(t *testing.T) {
	for _, path := range []string{"out.jsonl", "out.csv"} {
		t.Run(path, func(t *testing.T) {
			csv := strings.HasSuffix(path, "csv")
			good, changed := rows(""), rows("!")
			bad := func(column int, v feed.Value) []feed.Value {
				row := append([]feed.Value(nil), good.Row(0)...)
				row[column] = v
				return row
			}
			feedtest.Sink(t, feedtest.SinkCase{
				Rows: good, Want: lines(t, csv, good), Changed: changed, WantChanged: lines(t, csv, changed),
				Bad: []feedtest.BadRow{
					{Row: bad(1, "\xff"), Code: "full, name"},
					{Row: bad(5, math.NaN()), Code: "rate"},
					{Row: bad(5, math.Inf(-1)), Code: "rate"},
					{Row: bad(0, struct{}{}), Code: "id"},
				},
				Missing: "id", Key: []string{"id"},
				Target: func(t testing.TB) feedtest.Target {
					dir := t.TempDir()
					return feedtest.Target{
						Open:   func(t testing.TB) feed.Sink { return open(t, dir, path, "id") },
						Stored: func(t testing.TB) []string { return stored(t, filepath.Join(dir, path), csv) },
					}
				},
			})
		})
	}
}

func text(t testing.TB, dir, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func deliver(t testing.TB, s feed.Sink, b feed.Batch) {
	t.Helper()
	if rejected, err := s.Deliver(t.Context(), b); err != nil || len(rejected) > 0 {
		t.Fatalf("%v %v", rejected, err)
	}
}

func small(ids ...int64) feed.Batch {
	b := feed.Batch{Columns: feed.NewColumns(feed.Column{Name: "id", Type: feed.Integer}, feed.Column{Name: "name", Type: feed.Text})}
	for _, id := range ids {
		b.Values = append(b.Values, id, fmt.Sprintf("n%d", id))
	}
	return b
}

// TestTornTail is what a crash leaves in the middle of a write.
func TestTornTail(t *testing.T) {
	for _, c := range []struct{ path, before, after string }{
		{"a.jsonl", "{\"id\":1,\"name\":\"n1\"}\n{\"id\":2,\"na", "{\"id\":1,\"name\":\"n1\"}\n{\"id\":2,\"name\":\"n2\"}\n{\"id\":3,\"name\":\"n3\"}\n"},
		{"a.jsonl", "{\"id\":9}", "{\"id\":9}\n{\"id\":1,\"name\":\"n1\"}\n{\"id\":2,\"name\":\"n2\"}\n{\"id\":3,\"name\":\"n3\"}\n"},
		{"a.jsonl", "{\"id\":2,\"name\":\"n2\"}\nnot JSON\n", "{\"id\":2,\"name\":\"n2\"}\nnot JSON\n{\"id\":1,\"name\":\"n1\"}\n{\"id\":3,\"name\":\"n3\"}\n"},
		{"a.csv", "id,name\n1,n1\n2,\"n", "id,name\n1,n1\n2,n2\n3,n3\n"},
		{"a.csv", "id,name\n1,n1\n2,n2", "id,name\n1,n1\n2,n2\n3,n3\n"},
		{"a.csv", "id,na", "id,name\n1,n1\n2,n2\n3,n3\n"},
		{"a.csv", "\ufeffid,name\r\n2,n2\r\n", "\ufeffid,name\r\n2,n2\r\n1,n1\n3,n3\n"},
	} {
		t.Run(c.before, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.path), []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			deliver(t, open(t, dir, c.path, "id"), small(1, 2, 3))
			if got := text(t, dir, c.path); got != c.after {
				t.Errorf("the file is\n%s\nwant\n%s", got, c.after)
			}
		})
	}
}

// TestDiskFull lets the file grow to a part of the batch, so that the write is torn.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "a.jsonl", "id")
	deliver(t, s, small(1))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 60
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Fatal(err)
	}
	_, err := s.Deliver(t.Context(), small(2, 3, 4))
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "writing a.jsonl in ") {
		t.Fatalf("the error is %v", err)
	}
	if got := len(text(t, dir, "a.jsonl")); got != 60 {
		t.Fatalf("the write was not torn: %d bytes", got)
	}
	deliver(t, s, small(2, 3, 4))
	if got := stored(t, filepath.Join(dir, "a.jsonl"), false); len(got) != 4 || strings.Count(text(t, dir, "a.jsonl"), "\n") != 4 {
		t.Errorf("the file is %s", text(t, dir, "a.jsonl"))
	}
}

func TestChangeAndBackIsKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "a.jsonl", "id")
	b := small(1)
	b.Values = append(b.Values, int64(1), "other", int64(1), "n1", int64(1), "n1")
	deliver(t, s, b)
	if got := strings.Count(text(t, dir, "a.jsonl"), "\n"); got != 3 {
		t.Errorf("%d lines: %s", got, text(t, dir, "a.jsonl"))
	}
}

func TestWindowForgets(t *testing.T) {
	r := &recent{}
	for i := range uint64(3 * window) {
		r.add(mark{i, i})
	}
	if r.has(mark{0, 0}) || !r.has(mark{2 * window, 2 * window}) || r.has(mark{2 * window, 1}) || len(r.newer)+len(r.older) > 2*window {
		t.Errorf("%d and %d marks are kept", len(r.newer), len(r.older))
	}
}

func TestHeaderMismatch(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte("name,id\nx,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, "a.csv")
	err := s.(feed.Preparer).Prepare(t.Context(), small().Columns)
	if j := feed.Judge(err); err == nil || j.Verdict != feed.HaltJob || j.Remedy == "" || err.Error() != "a.csv has the columns name,id, the records have id,name" {
		t.Errorf("Prepare: %v", err)
	}
	if _, err := s.Deliver(t.Context(), small(1)); feed.Judge(err).Verdict != feed.HaltJob {
		t.Errorf("Deliver: %v", err)
	}
	if got := text(t, dir, "a.csv"); got != "name,id\nx,1\n" {
		t.Errorf("the file is %q", got)
	}
}

func TestEndsWithinQuotes(t *testing.T) {
	dir, before := t.TempDir(), "id,name\n1,\"n1\n2,n2\n"
	if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, dir, "a.csv").Deliver(t.Context(), small(3))
	if j := feed.Judge(err); j.Verdict != feed.HaltJob || !strings.Contains(j.Remedy, "truncate -s 8") {
		t.Errorf("%v, remedy %q", err, j.Remedy)
	}
	if got := text(t, dir, "a.csv"); got != before {
		t.Errorf("the file is %q", got)
	}
}

func TestMissingDirectory(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "none"), "a.csv")
	for what, err := range map[string]error{
		"Prepare": s.(feed.Preparer).Prepare(t.Context(), small().Columns),
		"Deliver": func() error { _, err := s.Deliver(t.Context(), small(1)); return err }(),
		"Begin":   func() error { _, err := s.(feed.Snapshotter).Begin(t.Context(), small().Columns, nil, 0); return err }(),
	} {
		if j := feed.Judge(err); err == nil || j.Verdict != feed.Fail || j.Remedy == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSnapshotRefusesBadRows(t *testing.T) {
	dir := t.TempDir()
	g, err := open(t, dir, "a.jsonl").(feed.Snapshotter).Begin(t.Context(), small().Columns, []string{"id"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := small(1, 2)
	b.Values[3] = "\xff"
	if rejected, err := g.Append(t.Context(), 0, b); err != nil || len(rejected) != 1 || rejected[0].Row != 1 {
		t.Errorf("Append: %v %v", rejected, err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestSnapshotInParts compares files of more keys than are looked at together.
func TestSnapshotInParts(t *testing.T) {
	for _, path := range []string{"a.csv", "a.jsonl"} {
		dir := t.TempDir()
		var ids []int64
		for i := range int64(1000) {
			ids = append(ids, i)
		}
		deliver(t, open(t, dir, path), small(ids...))
		g, err := open(t, dir, path).(feed.Snapshotter).Begin(t.Context(), small().Columns, []string{"id"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := small(append(ids[3:], 2000, 2000)...)
		b.Values[1] = "changed"
		if _, err := g.Append(t.Context(), 0, b); err != nil {
			t.Fatal(err)
		}
		for _, keys := range []int64{10, 999, 100_000} {
			got, err := g.(*generation).compare(t.Context(), keys)
			if want := (feed.Changes{Inserted: 1, Updated: 1, Deleted: 3, Unchanged: 996}); err != nil || got != want {
				t.Errorf("%d keys at a time: %+v %v, want %+v", keys, got, err, want)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPreview(t *testing.T) {
	b := small(1, 2)
	b.Values[3] = "\xff"
	got, err := open(t, ".", "a.csv").(feed.Previewer).Preview(t.Context(), b)
	if want := "append to a.csv:\n1,n1\n(record 1 is rejected: the column name is not UTF-8)\n"; err != nil || got != want {
		t.Errorf("%q %v, want %q", got, err, want)
	}
}

func TestValidate(t *testing.T) {
	for path, want := range map[string]string{"a.csv": "", "a.ndjson": "", "../a.csv": "path", "/a.csv": "path", "a.txt": "format"} {
		s := &Settings{file: files.File{Path: path}}
		got := ""
		for _, p := range s.Validate() {
			got += p.Key
		}
		if got != want {
			t.Errorf("%s: problem at %q, want %q", path, got, want)
		}
	}
	if p := (&files.Connection{}).Validate(); len(p) != 1 || p[0].Key != "dir" {
		t.Errorf("empty dir: %v", p)
	}
	if files.NewConnection().Close() != nil || NewSink(files.NewConnection()).Limits().Max == 0 {
		t.Error("Close, Limits")
	}
}
