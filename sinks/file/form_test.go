package file

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

func TestWritesWhatReadersExpect(t *testing.T) {
	dir, b := t.TempDir(), rows("")
	deliver(t, open(t, dir, "a.csv"), b)
	deliver(t, open(t, dir, "a.jsonl"), b)
	fields, err := stdcsv.NewReader(strings.NewReader(text(t, dir, "a.csv"))).ReadAll()
	if err != nil || len(fields) != b.Len()+1 || strings.Join(fields[0], "|") != "id|full, name|at|day|ok|rate|raw" {
		t.Fatalf("%v %q", err, fields)
	}
	if got, want := strings.Join(fields[3], "|"), `2|a "b", c|2026-03-04T05:06:07.000008+08:00|2026-03-04|true|3|Av8=`; got != want {
		t.Errorf("CSV has %s, want %s", got, want)
	}
	for i, line := range strings.SplitAfter(strings.TrimSuffix(text(t, dir, "a.jsonl"), "\n"), "\n") {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		if object["full, name"] != b.Get(i, "full, name") || object["id"] != float64(i) {
			t.Errorf("line %d is %s", i, line)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "a.csv"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOneColumnCSV(t *testing.T) {
	dir := t.TempDir()
	b := feed.Batch{Columns: feed.TextColumns("a"), Values: []feed.Value{"x", nil, "y"}}
	deliver(t, open(t, dir, "a.csv"), b)
	if got := text(t, dir, "a.csv"); got != "a\nx\n\"\"\ny\n" {
		t.Errorf("the file is %q", got)
	}
}

func TestCSVField(t *testing.T) {
	for i, want := range []string{"a", "", `b "c", d`, "", ""} {
		if got, ok := csvField([]byte(`a,,"b ""c"", d","",`), i); got != want || !ok {
			t.Errorf("field %d is %q, %v", i, got, ok)
		}
	}
	if got, ok := csvField([]byte("a,b"), 2); ok {
		t.Errorf("a third field of two: %q", got)
	}
}

// FuzzLine reads back with the standard library what the sink writes.
func FuzzLine(f *testing.F) {
	f.Add("a", "b")
	f.Add("", "\"\r\n")
	f.Add("\ufeff,", "\x00\x1f\\")
	f.Fuzz(func(t *testing.T, a, b string) {
		row, c := []feed.Value{a, b}, feed.TextColumns("a", "b")
		j, _ := newForm(false, c, []string{"a"})
		v, _ := newForm(true, c, []string{"b"})
		line, wrong := j.line(nil, row)
		if wrong != nil {
			return
		}
		var object map[string]string
		if err := json.Unmarshal(line, &object); err != nil || object["a"] != a || object["b"] != b || bytes.Count(line, []byte{'\n'}) != 1 {
			t.Errorf("JSON %q: %v", line, err)
		}
		line, _ = v.line(nil, row)
		fields, err := stdcsv.NewReader(bytes.NewReader(line)).Read()
		plain := func(s string) string { return strings.ReplaceAll(s, "\r", "") } // that reader reads CRLF as LF
		if err != nil || len(fields) != 2 || plain(fields[0]) != plain(a) || plain(fields[1]) != plain(b) {
			t.Errorf("CSV %q is %q: %v", line, fields, err)
		}
		for i, want := range []string{a, b} {
			if got, ok := csvField(line[:len(line)-1], i); !ok || got != want {
				t.Errorf("field %d of %q is %q", i, line, got)
			}
		}
		found, err := records(bytes.NewReader(append([]byte("a,b\n"), line...)), true, func(_ int64, record []byte) error {
			if !bytes.Equal(record, line) {
				t.Errorf("the record is %q, want %q", record, line)
			}
			return nil
		})
		if err != nil || found.lines != 1 || len(found.torn) > 0 {
			t.Errorf("%+v %v", found, err)
		}
	})
}
