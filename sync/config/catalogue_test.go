package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/config"
	"milkrun/sync/kind"
)

// withCatalogue is a configuration whose job exports users by an interface of interfaces.toml.
const withCatalogue = `
catalogue = "interfaces.toml"
timezone = "Asia/Shanghai"

[connections.business]
type = "store"
dsn  = "in.db"

[connections.partner]
type = "store"
dsn  = "out.db"

[connections.elsewhere]
type = "store"
dsn  = "else.db"

[jobs.other]
source = { connection = "elsewhere", table = "a" }
sink   = { connection = "business", table = "b" }

[jobs.export]
interface = "users"
source = { connection = "business", table = "users" }
sink   = { connection = "partner", table = "users" }
mask   = { email = "drop", id_card = "id_card", nick = "name" }
`

// loadCatalogue reads a configuration with a catalogue; what is printed names no folder.
func loadCatalogue(t *testing.T, jobs, interfaces string) (*config.Config, string) {
	t.Helper()
	folder := t.TempDir()
	path := write(t, folder, "jobs.toml", jobs, 0o644)
	if interfaces != "" {
		write(t, folder, "interfaces.toml", interfaces, 0o644)
	}
	c, problems := config.Load(path, options())
	if (c == nil) != problems.HasErrors() {
		t.Errorf("config %v with %v", c, problems)
	}
	return c, strings.ReplaceAll(printed(problems), folder+"/", "")
}

// TestBadCatalogue reads one bad catalogue a rule and compares what is printed with the text beside it.
func TestBadCatalogue(t *testing.T) {
	files, err := filepath.Glob("testdata/catalogue/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, got := loadCatalogue(t, withCatalogue, string(text))
			if c != nil {
				t.Error("it is taken")
			}
			golden := strings.TrimSuffix(file, ".toml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

const goodCatalogue = `
[users]
connection = "partner"
title = "Users"
zh = "用户"
purpose = "运营分析"
key = ["user_id"]
time = "updated_at"
within = "24h"
done_by = "06:00"
every = "24h"
user_data = true

[users.v2]
from = 2026-12-01

[users.v2.fields]
user_id = { required = true, pattern = 'U[0-9]{9}' }
updated_at = { type = "time", required = true }
level = { type = "integer", min = 0, max = 9.0, enum = [1, 2] }
phone = { personal = "phone" }

[users.v1]
date_format = "yyyyMMddHHmmss"
until = 2026-12-31

[users.v1.fields]
user_id = { required = true, max_length = 32 }
updated_at = { type = "time" }
phone = { personal = "phone" }
`

const goodMasks = `mask   = { phone = "phone" }`

func masking(jobs, mask string) string {
	return strings.Replace(jobs, `mask   = { email = "drop", id_card = "id_card", nick = "name" }`, mask, 1)
}

func TestCatalogue(t *testing.T) {
	c, out := loadCatalogue(t, masking(withCatalogue, goodMasks), goodCatalogue)
	if c == nil || out != "" {
		t.Fatal(out)
	}
	job := c.Job("export")
	use := job.Interface
	if use.Interface != c.Interface("users") || !use.Outgoing || use.Pinned != 0 || job.Purpose != "运营分析" || c.Interface("user") != nil {
		t.Errorf("%+v", use)
	}
	if c.Job("other").Interface.Interface != nil {
		t.Error("a job without an interface has one")
	}
	shanghai := c.Location
	one, two := use.Version(1), use.Version(2)
	if !one.To.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, shanghai)) || !two.From.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, shanghai)) || !two.To.IsZero() {
		t.Errorf("%v … %v, %v … %v", one.From, one.To, two.From, two.To)
	}
	if level := two.Field("level"); level.Min != "0" || level.Max != "9" || len(level.Enum) != 2 || level.Enum[1] != "2" {
		t.Errorf("%+v", level)
	}
	if one.Dates != "20060102150405" || use.Promises() != "each record within 1d; every day by 06:00; at least every 1d" {
		t.Errorf("%s, %s", one.Dates, use.Promises())
	}
}

func TestVersionEndsWhereTheNextBegins(t *testing.T) {
	c, out := loadCatalogue(t, masking(withCatalogue, goodMasks), strings.Replace(goodCatalogue, "until = 2026-12-31", "", 1))
	if c == nil {
		t.Fatal(out)
	}
	if i := c.Interface("users"); !i.Version(1).To.Equal(i.Version(2).From) {
		t.Errorf("version 1 ends at %v", i.Version(1).To)
	}
}

func TestInterfaceOfAJob(t *testing.T) {
	for _, c := range []struct{ name, old, fresh, want string }{
		{"pinned", `interface = "users"`, `interface = "users@1"`, ""},
		{"no such version", `interface = "users"`, `interface = "users@3"`, "the interface users has no version 3 (its versions are [1 2])"},
		{"no version", `interface = "users"`, `interface = "users@new"`, `"users@new" is no version of an interface; write for example users@2, or users`},
		{"misspelt", `interface = "users"`, `interface = "user"`, `there is no interface "user" in interfaces.toml (did you mean "users"?)`},
		{"no catalogue", `catalogue = "interfaces.toml"`, ``, `this file names no catalogue of interfaces`},
		{"no file", `"interfaces.toml"`, `"interface.toml"`, "interface.toml: there is no such file (correct the path; it is relative to the folder of this file)"},
		{"the other direction", `connection = "partner", table = "users" }`, `connection = "elsewhere", table = "users" }`,
			"the interface users is one with the connection partner, which the job does not use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			jobs := masking(withCatalogue, goodMasks)
			if !strings.Contains(jobs, c.old) {
				t.Fatal("nothing to replace")
			}
			_, out := loadCatalogue(t, strings.Replace(jobs, c.old, c.fresh, 1), goodCatalogue)
			if !strings.Contains(out, c.want) || c.want == "" && out != "" {
				t.Errorf("got %s", out)
			}
		})
	}
}

// TestCatalogueIsPartOfTheDigest: a daemon that watches its configuration sees a changed catalogue.
func TestCatalogueIsPartOfTheDigest(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "jobs.toml", masking(withCatalogue, goodMasks), 0o644)
	write(t, folder, "interfaces.toml", goodCatalogue, 0o644)
	before, _ := config.Load(path, options())
	now, err := config.DigestOf(path)
	if before == nil || err != nil || now != before.Digest {
		t.Fatalf("the digest is %v, of the file %s (%v)", before, now, err)
	}
	write(t, folder, "interfaces.toml", strings.Replace(goodCatalogue, "max_length = 32", "max_length = 33", 1), 0o644)
	after, _ := config.Load(path, options())
	if now, _ := config.DigestOf(path); now == before.Digest || now != after.Digest {
		t.Error("the digest is the same")
	}
	changes := config.Compare(before, after)
	if len(changes) != 1 || changes[0].Job != "export" || changes[0].Detail != "interface" {
		t.Errorf("%v", changes)
	}
}

// listed is a source that knows its columns.
type listed struct {
	kind.Source
	names []string
}

func (l listed) Columns() []string { return l.names }

// TestKnownColumns: where a source says what it reads, that is compared with the interface before anything runs.
func TestKnownColumns(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"user_id", "updated_at", "phone"}, ""},
		{[]string{"user_id", "nick"}, "the source has the column nick, which users does not list"},
		{[]string{"phone"}, "the interface users requires user_id, and the source does not read it"},
	} {
		opt := options()
		store := opt.Registry.Sources["store"]
		plain := store.Source
		store.Source = func(conn kind.Connection) kind.Source { return listed{plain(conn), c.names} }
		opt.Registry.Sources["store"] = store
		folder := t.TempDir()
		jobs := strings.Replace(masking(withCatalogue, goodMasks), `interface = "users"`, `interface = "users@1"`, 1)
		path := write(t, folder, "jobs.toml", jobs, 0o644)
		write(t, folder, "interfaces.toml", goodCatalogue, 0o644)
		_, problems := config.Load(path, opt)
		if out := printed(problems); !strings.Contains(out, c.want) || c.want == "" && out != "" {
			t.Errorf("%v: %s", c.names, out)
		}
	}
}
