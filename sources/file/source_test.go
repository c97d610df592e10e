package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/setting/settingtest"
)

type record = map[string]feed.Value

// write makes a file that was last written to so long ago.
func write(t testing.TB, name, text string, age time.Duration) (dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open configures a source as jobs.toml would.
func open(t testing.TB, dir string, keys map[string]any) feed.Source {
	t.Helper()
	c := files.NewConnection()
	settingtest.Valid(t, c, map[string]any{"dir": dir})
	s := NewSource(c)
	settingtest.Valid(t, s, keys)
	src, err := s.Open(t.Context(), kind.Env{Job: "job"})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func appendText(t testing.TB, dir, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const jsonl = "\ufeff" + `{"id":1,"name":"王小明","amount":12.50,"tags":[1, "a"],"ok":true}` + "\r\n" + `
not json at all
{"id":2,"name":"a\"b\nc","amount":18446744073709551616,"extra":"x","tags":{"k": [1, {"z":"}"}]}}
{"id":2,"name":"` + "\xff" + `"}
{"id":3,"name":"x","id":4}
["id",3]
{"id":3,"name":"half a pair \ud800"}
{ "id" : 3 , "name" : null , "ok" : false }
{"id":-9223372036854775808,"name":"\ufffd �","amount":1e3}
{"id":5,"name":""}
`

func TestJSONLConformance(t *testing.T) {
	dir := write(t, "in.jsonl", jsonl, 0)
	feedtest.Source(t, feedtest.SourceCase{
		Open: func(t testing.TB) feed.Source {
			return open(t, dir, map[string]any{"path": "in.jsonl", "key": []any{"id"}})
		},
		Want: []record{
			{"id": int64(1), "name": "王小明", "amount": "12.50", "tags": `[1,"a"]`, "ok": true},
			{"id": int64(2), "name": "a\"b\nc", "amount": "18446744073709551616", "tags": `{"k":[1,{"z":"}"}]}`},
			{"id": int64(3), "ok": false},
			{"id": int64(-9223372036854775808), "name": "\ufffd �", "amount": "1e3"},
			{"id": int64(5), "name": ""},
		},
		Rejected: []string{"json", "utf-8", "duplicate key", "json", "json"},
		MoveOn: func(t testing.TB) []record {
			appendText(t, dir, "in.jsonl", `{"id":6,"name":"no line end yet"}`)
			return []record{{"id": int64(6), "name": "no line end yet"}}
		},
	})
}

const csv = "\ufeffid,name,\"the note\"\r\n" +
	"1,王小明,plain\r\n" +
	"2,,\"\"\r\n" +
	"\n" +
	"3,\"a \"\"b\"\", c\",\"two\r\nlines\"\n" +
	"4,too few\n" +
	"5,\"a\"b,junk behind a quote\n" +
	"6,a\"b,quote in the middle\n" +
	"7,\xfe,not UTF-8\n" +
	"8, spaces ,\",\"\n" +
	"9,\"opens\n" +
	"10,\"a\n\n\nb\",\"\"\"\"\n" +
	"11,x,y\n"

func TestCSVConformance(t *testing.T) {
	dir := write(t, "in.csv", csv, time.Hour)
	feedtest.Source(t, feedtest.SourceCase{
		Open: func(t testing.TB) feed.Source {
			return open(t, dir, map[string]any{"path": "in.csv", "key": []any{"id"}})
		},
		Want: []record{
			{"id": "1", "name": "王小明", "the note": "plain"},
			{"id": "2", "the note": ""},
			{"id": "3", "name": `a "b", c`, "the note": "two\r\nlines"},
			{"id": "8", "name": " spaces ", "the note": ","},
			{"id": "10", "name": "a\n\n\nb", "the note": `"`},
			{"id": "11", "name": "x", "the note": "y"},
		},
		Rejected: []string{"fields", "quote", "quote", "utf-8", "quote"},
		MoveOn: func(t testing.TB) []record {
			appendText(t, dir, "in.csv", "12,\"more\",\n13,still wri")
			return []record{{"id": "12", "name": "more"}}
		},
	})
}

func TestRejectionsNameTheirLine(t *testing.T) {
	src := open(t, write(t, "in.csv", csv, time.Hour), map[string]any{"path": "in.csv"})
	p, err := src.Fetch(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Rejected {
		got = append(got, fmt.Sprint(r.Row, " ", r.Reason, " ", r.Record["line"]))
	}
	want := []string{
		"3 in.csv: line 7: 2 fields where the header has 3 7",
		"4 in.csv: line 8: a quote stands where none may 8",
		"5 in.csv: line 9: a quote stands where none may 9",
		"6 in.csv: line 10: the line is not UTF-8 10",
		"8 in.csv: line 12: the quoted field that begins in line 12 is not closed: line 13 has a quote where none may stand 12",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLastLine(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		age           time.Duration
		rows, refused int
		waits         bool
		next          feed.Cursor
	}{
		{"a.jsonl", "{\"a\":1}\n{\"a\":2}", 0, 2, 0, false, `{"line":2,"offset":15}`},
		{"a.jsonl", "{\"a\":1}\n{\"a\":2", 0, 1, 0, true, `{"line":1,"offset":8}`},
		{"a.jsonl", "{\"a\":1}\n{\"a\":2", time.Hour, 1, 0, true, `{"line":1,"offset":8}`},
		{"a.jsonl", "{\"a\":1}\n12", 0, 1, 0, true, `{"line":1,"offset":8}`},
		{"a.jsonl", "{\"a\":1}\n12", time.Hour, 1, 0, true, `{"line":1,"offset":8}`},
		{"a.jsonl", "{\"a\":1}\n  ", time.Hour, 1, 0, false, `{"line":1,"offset":8}`},
		{"a.jsonl", "{\"a\"", 0, 0, 0, true, `{"line":0,"offset":0}`},
		{"a.jsonl", "", 0, 0, 0, false, `{"line":0,"offset":0}`},
		{"a.csv", "a,b\n1,2\n3,4", 0, 1, 0, true, `{"line":2,"offset":8}`},
		{"a.csv", "a,b\n1,2\n3,4", time.Hour, 2, 0, false, `{"line":3,"offset":11}`},
		{"a.csv", "a,b\n1,\"2\n3,4\n", time.Hour, 1, 1, false, `{"line":3,"offset":13}`},
		{"a.csv", "a,b\n1,\"2\n", time.Hour, 0, 1, false, `{"line":2,"offset":9}`},
		{"a.csv", "a,b\n1,\"2\"", time.Hour, 1, 0, false, `{"line":2,"offset":9}`},
		{"a.csv", "a,b\n1,\"2", time.Hour, 0, 0, true, `{"line":1,"offset":4}`},
		{"a.csv", "a,b\n1,2\n3", time.Hour, 1, 0, true, `{"line":2,"offset":8}`},
		{"a.csv", "a,b\n1,\"x\ny\"", time.Hour, 1, 0, false, `{"line":3,"offset":11}`},
		{"a.csv", "a,b", 0, 0, 0, true, ""},
		{"a.csv", "a,\"b", time.Hour, 0, 0, true, ""},
		{"a.csv", "a,b", time.Hour, 0, 0, false, `{"line":1,"offset":3}`},
		{"a.csv", "", 0, 0, 0, false, ""},
	} {
		t.Run(fmt.Sprintf("%q", c.text), func(t *testing.T) {
			src := open(t, write(t, c.name, c.text, c.age), map[string]any{"path": c.name})
			p, err := src.Fetch(t.Context(), "", 100)
			if err != nil {
				t.Fatal(err)
			}
			waits := len(p.Notes) == 1 && p.Notes[fmt.Sprintf("%s: line %d has no line end and may be still being written; it is read again next time",
				c.name, strings.Count(c.text, "\n")+1)] == 1
			if p.Rows.Len() != c.rows || len(p.Rejected) != c.refused || waits != c.waits || p.Next != c.next || !p.Done {
				t.Errorf("%d rows, %d rejected, waits %v, next %s, done %v", p.Rows.Len(), len(p.Rejected), waits, p.Next, p.Done)
			}
		})
	}
}

// TestForgottenQuote has a quote that nobody closes in line 3 of 6. While the file may be being written to, the lines
// before it are read and then an error names it; later it is refused alone.
func TestForgottenQuote(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		rows, bad  int
		error, why string
	}{
		"to the end": {"a,b\n1,x\n2,\"x\n3,x\n4,x\n5,x\n", 4, 1,
			"a.csv: line 3: a quoted field is not closed before the file ends; it begins in line 3",
			"a.csv: line 3: the quoted field that begins in line 3 is not closed before the file ends"},
		"to a quote": {"a,b\n1,x\n2,\"x\n3,x\n4,\"y\"\n5,x\n", 4, 1, "",
			"a.csv: line 3: the quoted field that begins in line 3 is not closed: line 5 has a quote where none may stand"},
		"closed late": {"a,b\n1,x\n2,\"x\n3,x\n4,x\",5\n5,x\n", 3, 2, "",
			"a.csv: line 3: with quotes that go on over 3 lines it has 3 fields where the header has 2; is a quote not closed?"},
		"in the second line": {"a,b\n1,x\n\"2\n2\",\"x\n4,x\n5,x\n", 3, 2,
			"a.csv: line 3: a quoted field is not closed before the file ends; it begins in line 4",
			"a.csv: line 3: the quoted field that begins in line 4 is not closed before the file ends"},
	} {
		for _, age := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprint(name, age), func(t *testing.T) {
				src := open(t, write(t, "a.csv", c.text, age), map[string]any{"path": "a.csv"})
				rows, bad, why, failed := 0, 0, "", error(nil)
				for after, done := feed.Cursor(""), false; !done && failed == nil; {
					var p feed.Page
					if p, failed = src.Fetch(t.Context(), after, 100); failed != nil {
						break
					}
					if rows, bad = rows+p.Rows.Len(), bad+len(p.Rejected); why == "" && bad > 0 {
						why = p.Rejected[0].Reason
					}
					after, done = p.Next, p.Done
				}
				if age == 0 && c.error != "" {
					if j := feed.Judge(failed); failed == nil || failed.Error() != c.error || j.Verdict != feed.Retry || j.Remedy == "" || rows != 1 || bad > 0 {
						t.Errorf("%d rows, %d rejected, %v", rows, bad, failed)
					}
					return
				}
				if failed != nil || rows != c.rows || bad != c.bad || why != c.why {
					t.Errorf("%d rows, %d rejected: %s, %v", rows, bad, why, failed)
				}
			})
		}
	}
}

func TestLongRecords(t *testing.T) {
	long := strings.Repeat("x", maxRecord+1)
	for name, text := range map[string]string{
		"a.jsonl": "{\"a\":1}\n{\"a\":\"" + long + "\"}\n{\"a\":2}\n",
		"a.csv":   "a,b\n1,\n" + long + ",\n2,\n",
		"b.csv":   "a,b\n1,\n\"" + long + "\",\n2,\n",
		"c.csv":   "a,b\n1,\n5,\"opens\n" + strings.Repeat(strings.Repeat("x", 999)+"\n", maxRecord/1000+1) + "\",6\n2,\n",
	} {
		t.Run(name, func(t *testing.T) {
			src := open(t, write(t, name, text, time.Hour), map[string]any{"path": name})
			var rows, rejected int
			var first feed.Rejection
			for after, done := feed.Cursor(""), false; !done; {
				p, err := src.Fetch(t.Context(), after, 1_000_000)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Rejected) > 0 && rejected == 0 {
					first = p.Rejected[0]
				}
				rows, rejected = rows+p.Rows.Len(), rejected+len(p.Rejected)
				after, done = p.Next, p.Done
			}
			if rows != 2 || rejected == 0 || !strings.HasPrefix(first.Reason, name+": line ") {
				t.Errorf("%d rows, %d rejected, the first %+v", rows, rejected, first)
			}
		})
	}
}

func TestPagesEndByBytes(t *testing.T) {
	line := `{"a":"` + strings.Repeat("x", 1<<20) + "\"}\n"
	src := open(t, write(t, "a.jsonl", strings.Repeat(line, 40), 0), map[string]any{"path": "a.jsonl"})
	p, err := src.Fetch(t.Context(), "", 1000)
	if err != nil || p.Done || p.Rows.Len() != 32 {
		t.Errorf("%d rows, done %v, %v", p.Rows.Len(), p.Done, err)
	}
}

func TestColumns(t *testing.T) {
	dir := write(t, "a.csv", "a,b,c\n1,2,3\n", 0)
	src := open(t, dir, map[string]any{"path": "a.csv", "columns": []any{"c", "a"}})
	p, err := src.Fetch(t.Context(), "", 10)
	if err != nil || fmt.Sprint(p.Rows.Columns.Names(), p.Rows.Values) != "[c a] [3 1]" {
		t.Errorf("%v %v %v", p.Rows.Columns, p.Rows.Values, err)
	}
	dir = write(t, "a.jsonl", "{\"a\":1}\n{\"b\":2,\"z\":0}\n", 0)
	src = open(t, dir, map[string]any{"path": "a.jsonl", "columns": []any{"b", "a"}})
	p, err = src.Fetch(t.Context(), "", 10)
	if err != nil || fmt.Sprint(p.Rows.Columns.Names(), p.Rows.Values, p.Notes) != "[b a] [<nil> 1 2 <nil>] map[keys that are no column:1]" {
		t.Errorf("%v %v %v %v", p.Rows.Columns, p.Rows.Values, p.Notes, err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		keys       map[string]any
		after      feed.Cursor
		verdict    feed.Verdict
		says       string
	}{
		{"other.csv", "a\n", nil, "", feed.Fail, "opening a.csv in "},
		{"a.csv", "a,b,a\n", nil, "", feed.Fail, `a.csv: line 1: the header names the column "a" twice`},
		{"a.csv", "a,,b\n", nil, "", feed.Fail, "line 1: the header does not name column 2"},
		{"a.csv", "a,\"b\n", nil, "", feed.Fail, "line 1: the header: the quoted field that begins in line 1 is not closed before the file ends"},
		{"a.csv", "a,\xff\n", nil, "", feed.Fail, "line 1: the header: it is not UTF-8"},
		{"a.csv", "\n\na,b\n", map[string]any{"columns": []any{"c"}}, "", feed.Fail, `line 3: the column "c" is not in the header`},
		{"a.csv", "a,b\n", map[string]any{"key": []any{"id"}}, "", feed.Fail, `the key column "id" is not among the columns a, b`},
		{"a.csv", "a,b\n1,2\n", nil, `{"line":9,"offset":900}`, feed.HaltJob, "it has 8 bytes, of which 900 were read already"},
		{"a.csv", "a,b\n1,2\n", nil, `{"line":2,"offset":6}`, feed.HaltJob, "byte 6, up to which it was read, is in the middle of a line"},
		{"a.csv", "a,b\n1,2\n", nil, `{"line":2}`, feed.HaltJob, `the cursor "{\"line\":2}" is none; write`},
	} {
		t.Run(c.says, func(t *testing.T) {
			keys := map[string]any{"path": "a.csv"}
			for k, v := range c.keys {
				keys[k] = v
			}
			_, err := open(t, write(t, c.name, c.text, time.Hour), keys).Fetch(t.Context(), c.after, 10)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("the error is %v", err)
			}
			if j := feed.Judge(err); j.Verdict != c.verdict || j.Remedy == "" {
				t.Errorf("verdict %s, remedy %q", j.Verdict, j.Remedy)
			}
		})
	}
}

func TestStaysInDir(t *testing.T) {
	dir := write(t, "secret.csv", "a\n1\n", 0)
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret.csv", filepath.Join(inside, "link.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, inside, map[string]any{"path": "link.csv"}).Fetch(t.Context(), "", 1); err == nil {
		t.Error("a link out of dir was followed")
	}
	if _, err := open(t, dir, map[string]any{"path": "inside", "format": "csv"}).Fetch(t.Context(), "", 1); err == nil {
		t.Error("a directory was read")
	}
}

func TestCancelledMidway(t *testing.T) {
	dir := write(t, "a.jsonl", strings.Repeat("{\"a\":1}\n", 1000), 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutdown"))
	if _, err := open(t, dir, map[string]any{"path": "a.jsonl"}).Fetch(ctx, "", 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		keys map[string]any
		want string
	}{
		{map[string]any{"path": "a.jsonl"}, "[]"},
		{map[string]any{"path": "sub/a.NDJSON"}, "[]"},
		{map[string]any{"path": "a.txt", "format": "csv"}, "[]"},
		{map[string]any{"path": "a.txt"}, "[format]"},
		{map[string]any{"path": "../a.csv"}, "[path]"},
		{map[string]any{"path": "/etc/a.csv"}, "[path]"},
		{map[string]any{"path": "a.csv", "columns": []any{"a", "b", "a"}}, "[columns]"},
		{map[string]any{"path": "a.csv", "columns": []any{"a"}, "key": []any{"b"}}, "[key]"},
	} {
		s := NewSource(files.NewConnection())
		for _, f := range s.Fields() {
			if v, ok := c.keys[f.Name]; ok {
				if err := f.Set(v); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := fmt.Sprint(keysOf(s.Validate())); got != c.want {
			t.Errorf("%v: problems at %s, want %s", c.keys, got, c.want)
		}
	}
	empty := &files.Connection{}
	if got := fmt.Sprint(keysOf(empty.Validate())); got != "[dir]" {
		t.Errorf("empty dir: problems at %s", got)
	}
	if files.NewConnection().Close() != nil {
		t.Error("Close of a connection never opened")
	}
}

func keysOf(problems []setting.Problem) []string {
	keys := []string{}
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	return keys
}
