package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"milkrun/sync/feed"
)

func postgres() *Dialect {
	return &Dialect{
		Name: "postgres", dsnExample: `"env:NAME", the variable holding postgres://user:password@host:5432/database`,
		dsnHelp: "PostgreSQL connection string, a URL or key=value pairs", dsnHelpZh: "PostgreSQL 连接串（URL 或 key=value）",
		check: checkPostgres, exists: always, open: openPostgres,

		quote: `"`, numbered: true, begin: "BEGIN", lock: "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", rowValues: true,
		differs: "%s IS DISTINCT FROM %s", asText: "CAST(%s AS TEXT)",
		tempExists: "CREATE TEMP TABLE ", dropTemp: "DROP TABLE IF EXISTS ",
		deleteIn:   "DELETE FROM {target} WHERE ({columns}) IN (SELECT {columns} FROM {source}{where})",
		upsertTail: onConflict,

		types: postgresTypes(), fallback: func(string) holds { return holds{Type: feed.Any} },
		creates: map[feed.Type]string{
			feed.Any: "TEXT", feed.Text: "TEXT", feed.Integer: "BIGINT", feed.Real: "DOUBLE PRECISION",
			feed.Decimal: "NUMERIC", feed.Boolean: "BOOLEAN", feed.Bytes: "BYTEA", feed.Time: "TIMESTAMPTZ", feed.Date: "DATE",
		},
		keyText: "TEXT", tableTail: func([]Column) string { return "" }, selects: plainTimes,
		describe: describePostgres, copies: true, judge: judgePostgres,
	}
}

// postgresTypes lists the names of format_type and those of the driver.
func postgresTypes() map[string]holds {
	return map[string]holds{
		"smallint": {Type: feed.Integer, Bits: 16}, "int2": {Type: feed.Integer, Bits: 16},
		"integer": {Type: feed.Integer, Bits: 32}, "int4": {Type: feed.Integer, Bits: 32},
		"bigint": {Type: feed.Integer, Bits: 64}, "int8": {Type: feed.Integer, Bits: 64},
		"real": {Type: feed.Real}, "float4": {Type: feed.Real},
		"double precision": {Type: feed.Real}, "float8": {Type: feed.Real},
		"numeric": {Type: feed.Decimal}, "boolean": {Type: feed.Boolean}, "bool": {Type: feed.Boolean}, "bytea": {Type: feed.Bytes},
		"text": {Type: feed.Text}, "varchar": {Type: feed.Text}, "character varying": {Type: feed.Text},
		"bpchar": {Type: feed.Text}, "character": {Type: feed.Text}, "name": {Type: feed.Text}, "uuid": {Type: feed.Text},
		"date":      {Type: feed.Date},
		"timestamp": {Type: feed.Time}, "timestamp without time zone": {Type: feed.Time},
		"timestamptz": {Type: feed.Time, Zoned: true}, "timestamp with time zone": {Type: feed.Time, Zoned: true},
	}
}

// plainTimes asks for the text of times: the driver refuses a whole page for one infinity, and gives the shortest
// float32 as a float64 of other digits.
func plainTimes(c Column, quoted string) string {
	switch {
	case c.Type == feed.Time || c.Type == feed.Date:
		return "CAST(" + quoted + " AS TEXT)"
	case strings.EqualFold(c.Decl, "float4"):
		return "CAST(CAST(" + quoted + " AS TEXT) AS DOUBLE PRECISION)"
	}
	return quoted
}

func always(string) error { return nil }

func checkPostgres(dsn string) error {
	if _, err := pgx.ParseConfig(dsn); err != nil {
		return errors.New("dsn is no PostgreSQL connection string") // the driver's own text repeats the string
	}
	return nil
}

func openPostgres(dsn string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, checkPostgres(dsn)
	}
	for k, v := range map[string]string{"timezone": "UTC", "datestyle": "ISO, YMD", "client_encoding": "UTF8"} {
		cfg.RuntimeParams[k] = v
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "milkrun"
	}
	return stdlib.OpenDB(*cfg), nil
}

const postgresColumns = `SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
	a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
	COALESCE(b.typname, t.typname), CASE WHEN c.collisdeterministic THEN '' ELSE COALESCE(c.collname, '') END
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
	LEFT JOIN pg_collation c ON c.oid = a.attcollation WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const postgresUnique = `SELECT CAST(i.indexrelid AS BIGINT), a.attname
	FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
	WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY 1`

func describePostgres(ctx context.Context, s *Session, t Name) (*Table, error) {
	table := &Table{Name: t}
	err := s.Read(ctx, postgresColumns, []Value{s.d.Quoted(t)}, func(row []Value) error {
		c := s.d.Column(text(row[0]), text(row[1]))
		c.NotNull, c.Default, c.Generated = row[2] == true, row[3] == true, row[4] == true
		base := text(row[5])
		if c.Folds = text(row[6]); base == "citext" {
			c.Folds = base
		}
		c.Pads = base == "bpchar"
		table.Columns = append(table.Columns, c)
		return nil
	})
	if err != nil || len(table.Columns) == 0 {
		return nil, err
	}
	return table, s.Read(ctx, postgresUnique, []Value{s.d.Quoted(t)}, table.groupUnique())
}

func judgePostgres(err error) (fault, bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fault{}, false
	}
	f := fault{code: "SQLSTATE " + e.Code, verdict: feed.Retry}
	switch class := e.Code[:min(2, len(e.Code))]; {
	case class == "22" || class == "23": // the message repeats the value
		f.verdict, f.remedy = feed.Refuse, remedyRecord
		f.text = refusesValue + where(" in column ", e.ColumnName) + where(" by constraint ", e.ConstraintName)
	case class == "P0": // RAISE
		f.verdict, f.text, f.remedy = feed.Refuse, triggerText, remedyRecord
	case e.Code == "42501":
		f.verdict, f.remedy = feed.HaltJob, remedyGrant
	case class == "42" || class == "3F":
		f.verdict, f.remedy = feed.HaltJob, remedyNames
	case class == "28" || class == "3D":
		f.verdict, f.remedy = feed.HaltConnection, remedyLogin
	case e.Code == "53100":
		f.verdict, f.remedy = feed.Fail, remedyFull
	case class == "53":
		f.remedy = remedyCrowd
	case e.Code == "25006":
		f.verdict, f.remedy = feed.HaltConnection, remedyPrimary
	case class == "40" || class == "55" || class == "57":
		f.remedy = "nothing, if it passes: it is tried again. If it stays, look who holds locks (pg_stat_activity), and at statement_timeout and lock_timeout"
	default:
		f.remedy = "look at the log of the database server; it is tried again meanwhile"
	}
	return f, true
}

func where(label, name string) string {
	if name == "" {
		return ""
	}
	return label + name
}
