package config_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

// vault is a connection with tables in its block, bearer a source on it that reads what to ask for from another.
type vault struct {
	url, alg, mode string
	on, deep       bool
	key            secret.Secret
	size           int
}

func (v *vault) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("url", &v.url, "where", "地址"),
		setting.Group("safe", &v.on, []setting.Field{
			setting.Choice("mode", &v.mode, []string{"open", "shut"}, "how", "方式"),
			setting.Secret("key", &v.key, "with what", "密钥").Require(),
			setting.Group("deep", &v.deep, []setting.Field{
				setting.Text("alg", &v.alg, "algorithm", "算法"),
				setting.Int("size", &v.size, "bytes", "字节").Between(1, 32, "B.3: at most 32"),
			}, "inside", "内层"),
		}, "what is kept", "保险箱"),
	}
}

func (v *vault) Validate() []setting.Problem {
	if v.alg == "rot13" {
		return []setting.Problem{{Key: "safe.deep.alg", Text: "rot13 keeps nothing", Remedy: "take another"}}
	}
	return nil
}

func (v *vault) Warnings() []setting.Problem {
	if v.alg == "old" {
		return []setting.Problem{{Key: "safe.deep.alg", Text: "old is old", Remedy: "take new"}}
	}
	return nil
}
func (v *vault) Close() error { return nil }

type bearer struct{ codes kind.Values }

func (b *bearer) Fields() []setting.Field {
	return []setting.Field{kind.ValuesField("codes", &b.codes, "what to ask for", "要查询的内容")}
}
func (b *bearer) Validate() []setting.Problem { return nil }
func (b *bearer) Limits() kind.Limits         { return kind.Limits{Default: 10} }
func (b *bearer) Open(context.Context, kind.Env) (feed.Source, error) {
	return nil, fmt.Errorf("not here")
}

// shelf is a source that must be told the order of its rows.
type shelf struct {
	table  string
	cursor []string
}

func (s *shelf) Fields() []setting.Field {
	return []setting.Field{setting.Text("table", &s.table, "table", "表").Require(), setting.Texts("cursor", &s.cursor, "order", "游标").Require()}
}
func (s *shelf) Validate() []setting.Problem { return nil }
func (s *shelf) Limits() kind.Limits         { return kind.Limits{Default: 2} }
func (s *shelf) Open(context.Context, kind.Env) (feed.Source, error) {
	return shelfRows{s}, nil
}

// shelfRows reads as many rows as the table's name has letters.
type shelfRows struct{ *shelf }

func (s shelfRows) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	at := len(after)
	p := feed.Page{Rows: feed.Batch{Columns: feed.TextColumns("code", strings.Join(s.cursor, "+"))}}
	for end := min(at+limit, len(s.table)); at < end; at++ {
		p.Rows.Values = append(p.Rows.Values, s.table[at:at+1], nil)
	}
	p.Next, p.Done = feed.Cursor(s.table[:at]), at == len(s.table)
	return p, nil
}

func nested() config.Options {
	reg := registry()
	reg.Sources["vault"] = kind.SourceType{Connection: func() kind.Connection { return &vault{mode: "open"} }, Source: func(kind.Connection) kind.Source { return &bearer{} }}
	reg.Sources["shelves"] = kind.SourceType{Connection: newStore, Source: func(kind.Connection) kind.Source { return &shelf{} }}
	opt := options()
	opt.Registry = reg
	return opt
}

const nestedText = `
[connections.v]
type = "vault"
safe = { key = "env:TOKEN", deep = { alg = "new", size = 8 } }

[connections.s]
type = "shelves"
dsn  = "shelf.db"

[connections.out]
type = "store"
dsn  = "out.db"

[jobs.j]
schedule = "manual"
source = { connection = "v", codes = { connection = "s", table = "abcde", column = "code" } }
sink   = { connection = "out", table = "t" }
`

func TestNested(t *testing.T) {
	c, problems := config.Parse("jobs.toml", []byte(nestedText), nested())
	if c == nil || len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	v := c.Connections["v"].Settings.(*vault)
	if !v.on || !v.deep || v.alg != "new" || v.size != 8 || v.mode != "open" || v.key.Reveal() != "t0ken" || v.key.Origin() != "env:TOKEN" {
		t.Errorf("%+v", v)
	}
	var codes []string
	from := c.Job("j").Source.Settings.(*bearer).codes
	if job := c.Job("j"); !job.Uses("s") || !job.Uses("v") || job.Uses("z") || !slices.Equal(job.Source.Connections(), []string{"v", "s"}) {
		t.Errorf("the job's source calls on %q", job.Source.Connections())
	}
	if err := from.Each(t.Context(), kind.Env{Connection: "v"}, func(s string) error { codes = append(codes, s); return nil }); err != nil || strings.Join(codes, "") != "abcde" {
		t.Errorf("%q, %v", codes, err)
	}
	inline, problems := config.Parse("jobs.toml", []byte(strings.Replace(nestedText, `{ connection = "s", table = "abcde", column = "code" }`, `["x", "y"]`, 1)), nested())
	if inline == nil {
		t.Fatal(printed(problems))
	}
	if !strings.Contains(printed(problems), "no job uses this connection") {
		t.Errorf("%s", printed(problems))
	}
	other, _ := config.Parse("jobs.toml", []byte(strings.Replace(nestedText, "shelf.db", "other.db", 1)), nested())
	if changes := config.Compare(c, other); len(changes) != 1 || changes[0].Job != "j" {
		t.Errorf("the connection that is read from changed: %+v", changes)
	}
}

func TestNestedProblems(t *testing.T) {
	for name, c := range map[string]struct{ old, text, want string }{
		"unknown key":        {`alg = "new"`, `agl = "new"`, `jobs.toml:4:38: connections.v.safe.deep.agl: there is no such key (did you mean "alg"?)`},
		"wrong number":       {"size = 8", "size = 99", "jobs.toml:4:58: connections.v.safe.deep.size: 99 is outside 1 … 32: B.3: at most 32 (write a number from 1 to 32)"},
		"missing":            {`key = "env:TOKEN", `, "", "connections.v.safe.key: this key is missing"},
		"no table":           {`deep = { alg = "new", size = 8 }`, `deep = "x"`, "connections.v.safe.deep: a table is wanted here (write deep = { … })"},
		"of the block":       {`"new"`, `"rot13"`, "jobs.toml:4:44: connections.v.safe.deep.alg: rot13 keeps nothing (take another)"},
		"warning":            {`"new"`, `"old"`, "warning: connections.v.safe.deep.alg: old is old (take new)"},
		"literal":            {`"env:TOKEN"`, `"hunter2"`, "connections.v.safe.key: the secret itself stands in the file"},
		"literal and typo":   {`key = "env:TOKEN"`, `kye = "hunter2"`, "connections.v.safe.kye: there is no such key"},
		"unset":              {"env:TOKEN", "env:NONE", "connections.v.safe.key: env:NONE is not set"},
		"no such connection": {`{ connection = "s"`, `{ connection = "z"`, `jobs.j.source.codes.connection: there is no connection "z"`},
		"no source":          {`{ connection = "s", table = "abcde"`, `{ connection = "g", table = "abcde"`, `jobs.j.source.codes.connection: a connection of type "gateway" is no source`},
		"no connection":      {`{ connection = "s", `, `{ `, "jobs.j.source.codes.connection: this key is missing"},
		"no column":          {`, column = "code" }`, ` }`, "jobs.j.source.codes.column: this key is missing"},
		"inner key":          {`table = "abcde"`, `tabel = "abcde"`, `jobs.j.source.codes.tabel: there is no such key (did you mean "table"?)`},
		"inner value":        {`table = "abcde"`, `table = 7`, "jobs.j.source.codes.table: a text is wanted here, not 7"},
		"neither":            {`{ connection = "s", table = "abcde", column = "code" }`, `7`, "jobs.j.source.codes: a list of texts is wanted here, not 7"},
	} {
		text := strings.Replace(nestedText, c.old, c.text, 1)
		if name == "no source" {
			text += "\n[connections.g]\ntype = \"gateway\"\ntoken = \"env:TOKEN\"\n"
		}
		_, problems := config.Parse("jobs.toml", []byte(text), nested())
		if got := printed(problems); text == nestedText || !strings.Contains(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestNestedOverrides(t *testing.T) {
	opt := nested()
	opt.Overrides = map[string]map[string]string{"vault": {"safe.key": "laid over", "safe.deep.alg": "", "safe.deep.size": "5"}}
	opt.Resolve = false
	for _, text := range []string{nestedText, strings.Replace(nestedText, `safe = { key = "env:TOKEN", deep = { alg = "new", size = 8 } }`, "", 1)} {
		c, problems := config.Parse("jobs.toml", []byte(text), opt)
		if c == nil {
			t.Fatal(printed(problems))
		}
		v := c.Connections["v"].Settings.(*vault)
		if v.key.Reveal() != "laid over" || v.alg != "" || v.size != 5 || v.on != (text == nestedText) {
			t.Errorf("%+v %v", v, v.on)
		}
	}
}
