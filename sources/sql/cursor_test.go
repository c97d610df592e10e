package sql

import (
	"reflect"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// cursorSource is a source with one cursor column of each type, without a database.
func cursorSource(t testing.TB, names ...string) *Source {
	t.Helper()
	c, err := servers.New(t, "sqlite").Connect(t).DB(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]sqldb.Column{}
	for name, decl := range map[string]string{"free": "", "int": "INTEGER", "text": "TEXT"} {
		columns[name] = c.Column(name, decl)
	}
	p := sqldb.NewPostgres().(*sqldb.Connection)
	for name, decl := range map[string]string{"ts": "timestamp", "tz": "timestamptz", "day": "date", "num": "numeric", "big": "int8", "word": "text"} {
		columns[name] = p.Dialect().Column(name, decl)
	}
	s := &Source{db: c, zone: shanghai(t), place: "test"}
	for _, n := range names {
		s.cursor = append(s.cursor, columns[n])
	}
	return s
}

func TestParseCursor(t *testing.T) {
	for _, c := range []struct{ column, in, out string }{
		{"free", `["2026-01-31 10:00:00"]`, `["2026-01-31 10:00:00"]`},
		{"free", ` [ 9007199254740993 ] `, `[9007199254740993]`},
		{"free", `{"from": ["x<&>"]}`, `{"from":["x<&>"]}`},
		{"ts", `["1986-05-04 02:30:00.5"]`, `["1986-05-04 02:30:00.5"]`},
		{"ts", `["2026-01-31"]`, `["2026-01-31 00:00:00"]`},
		{"ts", `["2026-01-31T02:00:00Z"]`, `["2026-01-31 10:00:00"]`},
		{"tz", `["2026-01-31 10:00:00.123456"]`, `["2026-01-31 02:00:00.123456+00:00"]`},
		{"tz", `["2026-01-31 02:00:00.123456+00:00"]`, `["2026-01-31 02:00:00.123456+00:00"]`},
		{"day", `["2026-01-31"]`, `["2026-01-31"]`},
		{"num", `[12345678901234567890.10]`, `["12345678901234567890.10"]`},
		{"num", `["-0.5"]`, `["-0.5"]`},
		{"big", `["17"]`, `[17]`},
		{"word", `["17"]`, `["17"]`},
		{"word", `[17]`, `["17"]`},
		{"int", `[17]`, `[17]`},
	} {
		got, err := cursorSource(t, c.column).CheckCursor(feed.Cursor(c.in))
		if err != nil || string(got) != c.out {
			t.Errorf("%s: CheckCursor(%s) = %s, %v; want %s", c.column, c.in, got, err, c.out)
		}
	}
}

func TestBadCursor(t *testing.T) {
	for column, list := range map[string][]string{
		"free": {`[1.5]`, `[1e3]`, `[18446744073709551616]`, `[null]`, `[true]`, `[[1]]`, `["a","b"]`, `{"from":[]}`, `{"from":"a"}`, `{"to":["a"]}`, `"a"`, `[1`},
		"ts":   {`[17]`, `["yesterday"]`, `[""]`},
		"tz":   {`["2026-13-01"]`},
		"day":  {`["x"]`},
		"num":  {`["x"]`, `[""]`},
		"big":  {`["x"]`, `[1.5]`},
	} {
		for _, in := range list {
			if got, err := cursorSource(t, column).CheckCursor(feed.Cursor(in)); err == nil {
				t.Errorf("%s: CheckCursor(%s) = %s", column, in, got)
			}
		}
	}
	if _, err := cursorSource(t, "free", "int").CheckCursor(`["a"]`); err == nil || !strings.Contains(err.Error(), "1 instead of 2") {
		t.Errorf("too short a cursor: %v", err)
	}
	if got, err := cursorSource(t, "free", "int").CheckCursor(`{"from":["a"]}`); err != nil || got != `{"from":["a"]}` {
		t.Errorf("the beginning of a prefix: %s, %v", got, err)
	}
}

// FuzzCursor: what is taken has a normal form that is taken too, with the same values.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{`["2026-01-31 10:00:00",17]`, `{"from":["2026-01-31"]}`, `[1.5,"x"]`, `[9223372036854775807,-1]`, `[`, ``, `[" "," "]`, `["2026-01-31T10:00:00+08:00","9"]`} {
		f.Add(s)
	}
	sources := []*Source{cursorSource(f, "free", "int"), cursorSource(f, "tz", "num"), cursorSource(f, "ts", "big"), cursorSource(f, "day", "word")}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range sources {
			p, err := s.parse(feed.Cursor(text))
			if err != nil {
				continue
			}
			again, err := s.parse(p.format())
			if err != nil || !reflect.DeepEqual(p, again) {
				t.Errorf("%q became %s, then %s: %v", text, p.format(), again.format(), err)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		set  settings
		keys []string
	}{
		"good":    {settings{table: "a", cursor: []string{"id"}}, nil},
		"neither": {settings{cursor: []string{"id"}}, []string{"table"}},
		"both":    {settings{table: "a", query: "SELECT 1", cursor: []string{"id"}}, []string{"table"}},
		"twice":   {settings{table: "a", cursor: []string{"id", "id"}}, []string{"cursor"}},
		"empty":   {settings{table: "a"}, []string{"cursor"}},
		"missing": {settings{table: "a", cursor: []string{"id"}, columns: []string{"x"}}, []string{"columns"}},
	} {
		var keys []string
		for _, p := range c.set.Validate() {
			keys = append(keys, p.Key)
		}
		if !reflect.DeepEqual(keys, c.keys) {
			t.Errorf("%s: problems at %v, want %v", name, keys, c.keys)
		}
	}
}

func TestBoundsThatAreNone(t *testing.T) {
	source := func(column string) *Source {
		s := cursorSource(t, column)
		if column == "text" {
			s.cursor[0].Name = "create_date"
		}
		return s
	}
	for _, c := range []struct{ column, from, to, says string }{
		{"int", "5", "2", "must not stand behind"},
		{"ts", "2026-01-02", "2026-01-01", "must not stand behind"},
		{"ts", "2026-01-02 00:00:00", "2026-01-01", "must not stand behind"},
		{"tz", "2026-01-02", `["2026-01-01 00:00:00"]`, "must not stand behind"},
		{"text", "2026-01-02", "2026-01-01 23:00:00", "must not stand behind"},
		{"text", "garbage", "", "is no time"},
		{"text", `["2026-01-01","x"]`, "", `the number of its values is 2 instead of 1; a good one looks like ["2026-01-31 10:00:00"]`},
		{"text", "", `["garbage"]`, "is no time"},
		{"text", "", "17", "is no time"},
		{"big", "x", "", "is no bound"},
		{"int", "5", "5", ""},
		{"ts", "2026-01-02", "2026-01-02", ""},
		{"text", "2026-01-02", "2026-01-02", ""},
		{"word", "b", "a", ""}, // only the database knows its order
	} {
		_, _, err := source(c.column).Range(c.from, c.to)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s from %q to %q: %v, want %q", c.column, c.from, c.to, err, c.says)
		}
	}
	if c, err := source("text").CheckCursor(`["garbage"]`); err == nil || !strings.Contains(err.Error(), "create_date") {
		t.Errorf("%s, %v", c, err)
	}
}
