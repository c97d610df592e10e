package file

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

// readAll reads text in pages of limit and returns rows and rejections as text.
func readAll(t *testing.T, text string, isCSV, settled bool, limit int) string {
	t.Helper()
	s := &Source{path: "fuzz", csv: isCSV}
	var out strings.Builder
	var at place
	for range len(text) + 2 {
		f := &opened{SectionReader: section(text), settled: settled}
		p, err := s.read(t.Context(), f, at, limit)
		if err != nil {
			if j := feed.Judge(err); j.Code != "quote" && (j.Verdict != feed.Fail || at != (place{})) {
				t.Fatalf("at %v: %v", at, err)
			}
			return out.String() + err.Error()
		}
		for i := range p.Rows.Len() {
			fmt.Fprintf(&out, "%q\n", p.Rows.Row(i))
		}
		for _, r := range p.Rejected {
			fmt.Fprintln(&out, r.Code, r.Reason)
		}
		if p.Done {
			return out.String()
		}
		next, err := parseCursor(p.Next)
		if err != nil || next.offset <= at.offset {
			t.Fatalf("from %v to %s: %v", at, p.Next, err)
		}
		at = next
	}
	t.Fatal("the read does not end")
	return ""
}

func FuzzPages(f *testing.F) {
	for _, seed := range []string{jsonl, csv, "", "a\n\"", "a\r\n\"x\r\n\ny\"\r\n", "{\"a\":1}{", "\ufeff", "{\"a\":\"\\ud800\"}\n"} {
		f.Add(seed, true, true)
		f.Add(seed, false, false)
	}
	f.Fuzz(func(t *testing.T, text string, isCSV, settled bool) {
		if len(text) > 2000 {
			return
		}
		if one, all := readAll(t, text, isCSV, settled, 1), readAll(t, text, isCSV, settled, 1000); sortLines(one) != sortLines(all) {
			t.Errorf("in pages of 1:\n%s\nin one page:\n%s", one, all)
		}
	})
}

// FuzzCSV compares with the standard library, where that takes the text and reads it exactly (it drops CR).
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,\"2\"\"\"\n")
	f.Add("a\n\"x\ny\"\n\n,\n")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || strings.Contains(text, "\r") || strings.HasPrefix(text, "\ufeff") {
			return
		}
		scan, err := newScanner(strings.NewReader(text), true, true, place{})
		if err != nil {
			t.Fatal(err)
		}
		for i, fields := range want {
			record, wrong, err := scan.next()
			if wrong != nil || err != nil {
				t.Fatalf("record %d: %v %v", i, wrong, err)
			}
			var got []string
			for _, field := range splitCSV(record) {
				got = append(got, field.text)
			}
			if !reflect.DeepEqual(got, fields) {
				t.Fatalf("record %d is %q, want %q", i, got, fields)
			}
		}
	})
}

// FuzzMembers compares with the standard library.
func FuzzMembers(f *testing.F) {
	for _, line := range strings.Split(jsonl, "\n") {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var want map[string]json.RawMessage
		err := json.Unmarshal(line, &want)
		got := map[string]json.RawMessage{}
		half := false
		wrong := members(line, func(name string, value []byte) *bad {
			got[name] = value
			_, w := jsonValue(value)
			half = half || w != nil
			return nil
		})
		if wrong != nil || half {
			return // half a surrogate pair: the standard library replaces it
		}
		if err != nil {
			t.Fatalf("the object was read, but should not: %v", err)
		}
		for name, value := range got {
			if w, ok := want[name]; ok && !bytes.Equal(w, value) {
				t.Fatalf("%q is %q, want %q", name, value, w)
			}
		}
	})
}

func section(text string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(text), 0, int64(len(text)))
}

func sortLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
