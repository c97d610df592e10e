package sqldb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

func TestSplitDecl(t *testing.T) {
	for decl, want := range map[string]string{
		"character varying(20)":          "character varying [20] false",
		"timestamp(3) without time zone": "timestamp without time zone [3] false",
		"bigint(20) unsigned zerofill":   "bigint [20] true",
		"UNSIGNED BIGINT":                "bigint [] true",
		"NUMERIC(10, 2)":                 "numeric [10 2] false",
		"enum('a(','b')":                 "enum [] false",
		"varchar(":                       "varchar( [] false",
		"":                               " [] false",
	} {
		base, args, unsigned := splitDecl(decl)
		if got := fmt.Sprint(base, " ", args, " ", unsigned); got != want {
			t.Errorf("%q: %q, want %q", decl, got, want)
		}
	}
}

func TestColumn(t *testing.T) {
	for _, c := range []struct {
		d    *Dialect
		decl string
		want Column
	}{
		{sqlite(), "VARCHAR(20)", Column{holds: holds{Type: feed.Text}, Loose: true}},
		{sqlite(), "UNSIGNED BIG INT", Column{holds: holds{Type: feed.Integer, Bits: 64}, Unsigned: true, Loose: true}},
		{sqlite(), "DECIMAL(10,2)", Column{holds: holds{Type: feed.Any}, Loose: true}},
		{sqlite(), "DateTime", Column{holds: holds{Type: feed.Time}, Loose: true}},
		{postgres(), "numeric(10,2)", Column{holds: holds{Type: feed.Decimal}, Size: 10, Scale: 2}},
		{postgres(), "timestamp(3) with time zone", Column{holds: holds{Type: feed.Time, Zoned: true}}},
		{postgres(), "integer[]", Column{holds: holds{Type: feed.Any}}},
		{mySQL(), "varchar(20)", Column{holds: holds{Type: feed.Text}, Size: 20}},
		{mySQL(), "int(10) unsigned", Column{holds: holds{Type: feed.Integer, Bits: 32}, Unsigned: true}},
	} {
		c.want.Name, c.want.Decl = "x", c.decl
		if got := c.d.Column("x", c.decl); got != c.want {
			t.Errorf("%s %q: %+v, want %+v", c.d.Name, c.decl, got, c.want)
		}
	}
}

func TestQuoting(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{sqlite().Quoted(ParseName(`main.a"b`)), `"main"."a""b"`},
		{mySQL().Quote("a`b"), "`a``b`"},
		{postgres().Literal(`it's \`), `'it''s \'`},
		{mySQL().Literal(`it's \`), `'it''s \\'`},
		{ParseName("s.t").With("_x").String(), "s.t_x"},
		{sqlite().Row("x"), `t."x"`},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestConditions(t *testing.T) {
	columns := []Column{{Name: "a"}, {Name: "b", holds: holds{Type: feed.Decimal}}, {Name: "c"}}
	values := []Value{1, 2, 3}
	for _, c := range []struct{ got, want string }{
		{postgres().Stmt().Behind(columns, values).String(), `(t."a", t."b", t."c") > ($1, $2, $3)`},
		{mySQL().Stmt().Behind(columns[:1], values[:1]).String(), "t.`a` > ?"},
		{mySQL().Stmt().Behind(columns, values).String(), "t.`a` >= ? AND (t.`a` > ? OR (t.`b` >= CAST(? AS DECIMAL(65,30)) AND (t.`b` > CAST(? AS DECIMAL(65,30)) OR (t.`c` > ?))))"},
		{sqlite().Stmt().From(columns, values[:2]).String(), `t."a" >= ? AND (t."a" > ? OR (t."b" >= ?))`},
	} {
		if c.got != c.want {
			t.Errorf("%s\nwant\n%s", c.got, c.want)
		}
	}
}

func TestWall(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "Asia/Shanghai", "America/Sao_Paulo", "Asia/Kathmandu"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1986, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2020; at = at.Add(59 * time.Minute) {
			w := Wall(at, loc)
			if w.Format(wallLayout) != at.Format(wallLayout) {
				t.Fatalf("%s: %s became %s", zone, at, w)
			}
		}
	}
}

func TestEarlier(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"2026-01-31 10:00:00", "2026-01-31 09:00:00"},
		{"2026-01-31 10:00:00.000001", "2026-01-31 09:00:00.000001"},
		{"2026-01-31T10:00:00Z", "2026-01-31T09:00:00Z"},
		{"2026-01-31 10:00:00+08:00", "2026-01-31 09:00:00+08:00"},
		{"2026-01-31 10:00", "2026-01-31 09:00"},
		{"2026-01-31", "2026-01-30"},
	} {
		if got, ok := Earlier(c.in, time.Hour); !ok || got != c.want {
			t.Errorf("an hour before %s: %s, want %s", c.in, got, c.want)
		}
	}
	if _, ok := Earlier("soon", time.Hour); ok {
		t.Error("a word is taken for a time")
	}
}

func TestDigits(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0 0 true", "007.500": "1 1 true", "-12.34": "2 2 true", ".5": "0 1 true", "5.": "1 0 true",
		"": "0 0 false", ".": "0 0 false", "1e3": "0 0 false", "1.2.3": "0 0 false", "NaN": "0 0 false", "--1": "0 0 false",
	} {
		whole, behind, ok := digits(in)
		if got := fmt.Sprint(whole, behind, ok); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// FuzzCopyText reads back what COPY is given, by PostgreSQL's rules.
func FuzzCopyText(f *testing.F) {
	for _, s := range []string{"", `\N`, "a\tb", "\n\r\\", "中文", `\\.`} {
		f.Add(s, int64(len(s)))
	}
	unescape := strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")
	f.Fuzz(func(t *testing.T, s string, n int64) {
		text, err := io.ReadAll(&copyText{values: []Value{s, n, nil, s, -n, true}, width: 3})
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		if len(lines) != 2 {
			t.Fatalf("%d lines: %q", len(lines), text)
		}
		fields := strings.Split(string(lines[0]), "\t")
		if len(fields) != 3 || unescape.Replace(fields[0]) != s || fields[0] == `\N` || fields[1] != fmt.Sprint(n) || fields[2] != `\N` {
			t.Errorf("%q, %d became %q", s, n, fields)
		}
	})
}

// TestErrorsHoldNoValues: the databases repeat values in their messages.
func TestErrorsHoldNoValues(t *testing.T) {
	my := func(n uint16, m string) error { return &mysql.MySQLError{Number: n, Message: m} }
	for _, c := range []struct {
		d       *Dialect
		err     error
		verdict feed.Verdict
		tells   string
	}{
		{postgres(), &pgconn.PgError{Code: "23505", Message: "x 13912345678", Detail: "13912345678", ConstraintName: "a_phone"}, feed.Refuse, "a_phone"},
		{postgres(), &pgconn.PgError{Code: "42P01", Message: "no table a"}, feed.HaltJob, "no table a"},
		{postgres(), &pgconn.PgError{Code: "28P01", Message: "password"}, feed.HaltConnection, "password"},
		{postgres(), &pgconn.PgError{Code: "40P01", Message: "deadlock"}, feed.Retry, "deadlock"},
		{mySQL(), my(1062, "Duplicate entry '13912345678' for key 'phone'"), feed.Refuse, "'phone'"},
		{mySQL(), my(1062, "Duplicate entry 'O'Brien 13912345678 for key 'x' for key 'a.phone'"), feed.Refuse, "'a.phone'"},
		{mySQL(), my(1292, "Incorrect date value: '13912345678' for column `db`.`t`.`d` at row 1"), feed.Refuse, "`d`"},
		{mySQL(), my(1048, "Column 'name' cannot be null"), feed.Refuse, "'name'"},
		{mySQL(), my(1406, "Data too long: '13912345678'"), feed.Refuse, "refuses a value"},
		{mySQL(), my(1213, "Deadlock"), feed.Retry, "Deadlock"},
		{sqlite(), errors.New("other"), feed.Retry, "other"},
	} {
		err := (&DB{Dialect: c.d}).Fault(c.err, "write")
		text := err.Error()
		if feed.Judge(err).Verdict != c.verdict || !strings.Contains(text, c.tells) || strings.Contains(text, "139") {
			t.Errorf("%v became %s, %q", c.err, feed.Judge(err).Verdict, text)
		}
	}
}

func TestValidate(t *testing.T) {
	const password = "geheim"
	for _, c := range []struct {
		c    *Connection
		dsn  string
		good bool
	}{
		{NewSQLite().(*Connection), "business.db", true},
		{NewSQLite().(*Connection), "file:a%20b.db?mode=ro", true},
		{NewSQLite().(*Connection), ":memory:", false},
		{NewSQLite().(*Connection), "file:x?mode=memory", false},
		{NewSQLite().(*Connection), "file:%zz", false},
		{NewPostgres().(*Connection), "postgres://u:geheim@host/db", true},
		{NewPostgres().(*Connection), "host=/tmp dbname=x", true},
		{NewPostgres().(*Connection), "postgres://u:geheim@host:port/db", false},
		{NewMySQL().(*Connection), "u:geheim@tcp(host)/db", true},
		{NewMySQL().(*Connection), "u:geheim@tcp(host)/", false},
		{NewMySQL().(*Connection), "u:geheim@host", false},
	} {
		var v any = c.dsn
		if f := c.c.Fields()[0]; f.Type == "secret" {
			v = secret.New(c.dsn)
		}
		if err := c.c.Fields()[0].Set(v); err != nil {
			t.Fatal(err)
		}
		p := c.c.Validate()
		if (len(p) == 0) != c.good || strings.Contains(fmt.Sprint(p, c.c), password) {
			t.Errorf("%s: %v", c.dsn, p)
		}
	}
}

// TestDistinguish knows the collations of MariaDB and of MySQL 8 by their names.
func TestDistinguish(t *testing.T) {
	for _, c := range []struct {
		decl, collate string
		folds, pads   bool
	}{
		{"varchar(20)", "utf8mb4_general_ci", true, true},
		{"varchar(20)", "utf8mb4_0900_ai_ci", true, false},
		{"varchar(20)", "utf8mb4_0900_as_cs", true, false}, // ignores some characters, and how é is composed
		{"varchar(20)", "utf8mb4_uca1400_ai_ci", true, true},
		{"varchar(20)", "utf8mb4_bin", false, true},
		{"varchar(20)", "utf8mb4_nopad_bin", false, false},
		{"varchar(20)", "utf8mb4_0900_bin", false, false},
		{"char(20)", "utf8mb4_nopad_bin", false, true},
		{"varbinary(20)", "", false, false},
		{"bigint(20)", "", false, false},
	} {
		got := mySQL().Column("x", c.decl)
		got.Collate = c.collate
		got.distinguish()
		if (got.Folds != "") != c.folds || got.Pads != c.pads {
			t.Errorf("%s %s: folds by %q, pads %v", c.decl, c.collate, got.Folds, got.Pads)
		}
	}
}
