package sql

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// TestSQLiteAsItStands reads columns that the driver would convert by their declared type.
func TestSQLiteAsItStands(t *testing.T) {
	d := servers.New(t, "sqlite")
	d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, d DATE, dt DATETIME, ts TIMESTAMP, b BOOLEAN, free, n NUMERIC, txt TEXT, bin BLOB)`,
		`INSERT INTO a VALUES (1, '2026-01-31', '2026-01-31T10:00:00Z', '31.01.2026', 1, 'x', 12.50, '007', x'ff00')`,
		`INSERT INTO a VALUES (2, 20260131, 1769853600, 1769853600000, 2, 1.5, 9007199254740993, 5, 'text')`,
		`INSERT INTO a VALUES (3, '', 'not a date', NULL, 'yes', NULL, 'abc', '', NULL)`)
	s := open(t, d, settings{table: "a", cursor: []string{"id"}})
	rows, _ := all(t, s, "", 10)
	want := [][]feed.Value{
		{int64(1), "2026-01-31", "2026-01-31T10:00:00Z", "31.01.2026", true, "x", 12.5, "007", []byte{0xff, 0}},
		{int64(2), int64(20260131), int64(1769853600), int64(1769853600000), int64(2), 1.5, int64(9007199254740993), "5", "text"},
		{int64(3), "", "not a date", nil, "yes", nil, "abc", "", nil},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("read\n%#v\nwant\n%#v", rows, want)
	}
	p, err := s.Fetch(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	types := []feed.Type{feed.Integer, feed.Any, feed.Any, feed.Any, feed.Boolean, feed.Any, feed.Any, feed.Text, feed.Bytes}
	for i, c := range p.Rows.Columns.List() {
		if c.Type != types[i] {
			t.Errorf("column %s is announced as %d, want %d", c.Name, c.Type, types[i])
		}
	}
}

func TestInvalidUTF8IsRejected(t *testing.T) {
	d := servers.New(t, "sqlite")
	d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, c TEXT)`,
		`INSERT INTO a VALUES (1, 'good', 'x'), (2, CAST(x'61ff' AS TEXT), 'y'), (3, 'good', 'z')`)
	s := open(t, d, settings{table: "a", cursor: []string{"id"}})
	p, err := s.Fetch(t.Context(), "", 10)
	if err != nil || p.Rows.Len() != 2 || len(p.Rejected) != 1 || p.Next != "[3]" {
		t.Fatalf("%+v, %v", p, err)
	}
	want := map[string]feed.Value{"id": int64(2), "c": "y"}
	if r := p.Rejected[0]; r.Row != 1 || r.Code != "unreadable" || !reflect.DeepEqual(r.Record, want) {
		t.Errorf("rejected %+v", r)
	}
	if p, err = s.Fetch(t.Context(), "[1]", 1); err != nil || p.Rows.Len() != 0 || p.Next != "[2]" || p.Done {
		t.Errorf("a page of one rejected row: %+v, %v", p, err)
	}
	_, err = open(t, d, settings{table: "a", cursor: []string{"name", "id"}}).Fetch(t.Context(), "", 10)
	halts(t, err, "name", "UTF-8")
}

func TestPostgresValues(t *testing.T) {
	d := servers.New(t, "postgres")
	d.Exec(t, `CREATE TABLE a (id BIGINT PRIMARY KEY, ts TIMESTAMP, tz TIMESTAMPTZ, d DATE, n NUMERIC, f REAL, b BOOLEAN, u UUID, j JSONB, raw BYTEA, arr INT[])`,
		`INSERT INTO a VALUES (9223372036854775807, '1986-05-04 02:30:00.123456', '2026-01-31 10:00:00.5+08', '2026-01-31', 12345678901234567890.10, 0.1, true,
			'6ba7b810-9dad-11d1-80b4-00c04fd430c8', '{"a": 1}', '\xff00', '{1,2}')`,
		`INSERT INTO a (id, ts) VALUES (1, 'infinity')`, `INSERT INTO a (id, d) VALUES (2, '0044-03-15 BC')`)
	p, err := open(t, d, settings{table: "a", cursor: []string{"id"}}).Fetch(t.Context(), "", 10)
	if err != nil || p.Rows.Len() != 1 || len(p.Rejected) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	got := p.Rows.Row(0)
	// In Shanghai the clocks went from 2:00 to 3:00 that night: the table's time does not exist, and must stand.
	if ts := got[1].(time.Time).Format("2006-01-02 15:04:05.999999"); ts != "1986-05-04 02:30:00.123456" {
		t.Errorf("a time without zone became %s", ts)
	}
	if tz := got[2].(time.Time); tz.Format(time.RFC3339Nano) != "2026-01-31T10:00:00.5+08:00" {
		t.Errorf("a time with zone became %s", tz)
	}
	want := []feed.Value{"12345678901234567890.10", 0.1, true, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", `{"a": 1}`, []byte{0xff, 0}, "{1,2}"}
	if got[3].(time.Time).Format(time.DateOnly) != "2026-01-31" || !reflect.DeepEqual(got[4:], want) {
		t.Errorf("read %#v", got)
	}
}

func TestMySQLValues(t *testing.T) {
	d := servers.New(t, "mysql")
	d.Exec(t, `CREATE TABLE a (id BIGINT UNSIGNED PRIMARY KEY, dt DATETIME(6), ts TIMESTAMP(6) NULL, d DATE, n DECIMAL(30,2), f FLOAT, b BOOLEAN, t TIME, raw VARBINARY(9), s SET('x','y'))`,
		`INSERT INTO a VALUES (18446744073709551615, '2026-01-31 10:00:00.123456', '2026-01-31 02:00:00', '2026-01-31', 12345678901234567890.10, 0.1, true, '10:00:00', x'ff00', 'x,y')`,
		`SET SESSION sql_mode = ''`, `INSERT INTO a (id, d) VALUES (7, '2026-01-01')`)
	d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
		if _, err := s.Exec(ctx, "SET SESSION sql_mode = ''"); err != nil {
			return err
		}
		_, err := s.Exec(ctx, "INSERT INTO a (id, dt) VALUES (8, '0000-00-00 00:00:00')")
		return err
	})
	s := open(t, d, settings{table: "a", cursor: []string{"id"}})
	p, err := s.Fetch(t.Context(), "", 10)
	if err != nil || p.Rows.Len() != 2 || len(p.Rejected) != 1 || p.Rejected[0].Record["id"] != int64(8) {
		t.Fatalf("%+v, %v", p, err)
	}
	got := p.Rows.Row(1)
	want := []feed.Value{"12345678901234567890.10", 0.1, int64(1), "10:00:00", []byte{0xff, 0}, "x,y"}
	if fmt.Sprint(got[1], got[2]) != "2026-01-31 10:00:00.123456 +0800 CST 2026-01-31 10:00:00 +0800 CST" || !reflect.DeepEqual(got[4:], want) {
		t.Errorf("read %#v", got)
	}
	if got[0] != "18446744073709551615" || p.Next != `["18446744073709551615"]` {
		t.Errorf("the largest id became %v, the cursor %s", got[0], p.Next)
	}
	d.Exec(t, `INSERT INTO a (id) VALUES (18446744073709551614)`)
	p, err = s.Fetch(t.Context(), `["18446744073709551613"]`, 10)
	if err != nil || p.Rows.Len() != 2 {
		t.Errorf("behind a number beyond 63 bits: %d rows, %v", p.Rows.Len(), err)
	}
}
