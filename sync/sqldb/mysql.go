package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"

	"milkrun/sync/feed"
)

func mySQL() *Dialect {
	return &Dialect{
		Name: "mysql", dsnExample: `"env:NAME", the variable holding user:password@tcp(host:3306)/database`,
		dsnHelp: "MySQL or MariaDB DSN, user:password@tcp(host:3306)/database", dsnHelpZh: "MySQL/MariaDB 连接串",
		check: checkMySQL, exists: always, open: openMySQL,

		quote: "`", begin: "START TRANSACTION", lock: "SELECT COUNT(*) FROM %s FOR UPDATE",
		// As bytes: most collations take A for a, and text with spaces at its end for the same without.
		differs: "NOT (CAST(%s AS BINARY) <=> CAST(%s AS BINARY))", asText: "CAST(%s AS CHAR)",
		tempExists: "CREATE TEMPORARY TABLE ", dropTemp: "DROP TEMPORARY TABLE IF EXISTS ",
		// IN with a subquery is run once a row by DELETE.
		deleteIn:   "DELETE t FROM {target} t JOIN (SELECT {columns} FROM {source}{where}) s ON {on}",
		upsertTail: onDuplicate, implicitDDL: true,

		types: mySQLTypes(), fallback: func(string) holds { return holds{Type: feed.Any} },
		creates: map[feed.Type]string{
			feed.Any: "LONGTEXT", feed.Text: "LONGTEXT", feed.Integer: "BIGINT", feed.Real: "DOUBLE",
			feed.Decimal: "DECIMAL(38,12)", feed.Boolean: "BOOLEAN", feed.Bytes: "LONGBLOB", feed.Time: "DATETIME(6)", feed.Date: "DATE",
		},
		keyText:   "VARCHAR(191)",
		tableTail: func([]Column) string { return " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4" },
		selects:   func(_ Column, quoted string) string { return quoted },
		bounds:    exact,
		describe:  describeMySQL, chunk: 200, maxArgs: 65535, judge: judgeMySQL,
	}
}

func mySQLTypes() map[string]holds {
	m := map[string]holds{
		"tinyint": {Type: feed.Integer, Bits: 8}, "smallint": {Type: feed.Integer, Bits: 16}, "year": {Type: feed.Integer, Bits: 16},
		"mediumint": {Type: feed.Integer, Bits: 24}, "int": {Type: feed.Integer, Bits: 32}, "integer": {Type: feed.Integer, Bits: 32},
		"bigint": {Type: feed.Integer, Bits: 64}, "float": {Type: feed.Real}, "double": {Type: feed.Real},
		"decimal": {Type: feed.Decimal}, "date": {Type: feed.Date}, "datetime": {Type: feed.Time},
		"timestamp": {Type: feed.Time, Zoned: true}, // the session's zone is UTC
	}
	for _, t := range []string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json", "uuid", "time"} {
		m[t] = holds{Type: feed.Text}
	}
	for _, t := range []string{"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "geometry"} {
		m[t] = holds{Type: feed.Bytes}
	}
	return m
}

// exact keeps MySQL from comparing a decimal, or a number beyond 63 bits, with text as floating point.
func exact(c Column) (before, after string) {
	if c.Type == feed.Decimal || c.Unsigned && c.Bits == 64 {
		return "CAST(", " AS DECIMAL(65,30))"
	}
	return "", ""
}

func checkMySQL(dsn string) error {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return errors.New("dsn is no MySQL DSN")
	}
	if cfg.DBName == "" {
		return errors.New("dsn names no database")
	}
	return nil
}

func openMySQL(dsn string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, checkMySQL(dsn)
	}
	cfg.ParseTime = false // the driver would make the zero time of 0000-00-00
	cfg.MultiStatements = false
	cfg.ClientFoundRows = false     // an upsert must tell rows that it left alone from others
	cfg.Logger = &mysql.NopLogger{} // it logs what it also returns
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["time_zone"] = "'+00:00'"
	cfg.Params["sql_mode"] = "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, checkMySQL(dsn)
	}
	return sql.OpenDB(connector), nil
}

const mySQLColumns = `SELECT column_name, column_type, is_nullable = 'NO', column_default IS NOT NULL OR extra LIKE '%auto_increment%',
	COALESCE(generation_expression, '') <> '', COALESCE(collation_name, '')
	FROM information_schema.columns WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? ORDER BY ordinal_position`

// An index may hold the first characters of a column only: "name(10)", which is unique in less than the column is.
const mySQLUnique = `SELECT index_name, CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), '')) FROM information_schema.statistics
	WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index`

func describeMySQL(ctx context.Context, s *Session, t Name) (*Table, error) {
	table := &Table{Name: t}
	args := []Value{t.Schema, t.Table}
	err := s.Read(ctx, mySQLColumns, args, func(row []Value) error {
		c := s.d.Column(text(row[0]), text(row[1]))
		c.NotNull, c.Default, c.Generated = row[2] == int64(1), row[3] == int64(1), row[4] == int64(1)
		c.Collate = text(row[5])
		c.distinguish()
		table.Columns = append(table.Columns, c)
		return nil
	})
	if err != nil || len(table.Columns) == 0 {
		return nil, err
	}
	return table, s.Read(ctx, mySQLUnique, args, table.groupUnique())
}

func judgeMySQL(err error) (fault, bool) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return fault{}, false
	}
	f := fault{code: fmt.Sprintf("mysql %d", e.Number), verdict: feed.Retry}
	switch class := string(e.SQLState[:2]); {
	case e.Number == 1644: // SIGNAL
		f.verdict, f.text, f.remedy = feed.Refuse, triggerText, remedyRecord
	case class == "22" || class == "23" || slices.Contains(mySQLRefusals[:], e.Number): // the message repeats the value
		f.verdict, f.text, f.remedy = feed.Refuse, refusesValue+subject(e.Message), remedyRecord
	case slices.Contains([]uint16{1044, 1045, 1049, 1698}, e.Number):
		f.verdict, f.remedy = feed.HaltConnection, remedyLogin
	case slices.Contains([]uint16{1290, 1792, 1836}, e.Number):
		f.verdict, f.remedy = feed.HaltConnection, remedyPrimary
	case slices.Contains([]uint16{1021, 1030, 1114}, e.Number):
		f.verdict, f.remedy = feed.Fail, remedyFull
	case slices.Contains([]uint16{1142, 1143, 1227, 1370}, e.Number):
		f.verdict, f.remedy = feed.HaltJob, remedyGrant
	case slices.Contains([]uint16{1040, 1203, 1226}, e.Number):
		f.remedy = remedyCrowd
	case class == "42":
		f.verdict, f.remedy = feed.HaltJob, remedyNames
	case e.Number == 1205 || e.Number == 1213:
		f.remedy = "nothing, if it passes: it is tried again. If it stays, look who holds locks (SHOW ENGINE INNODB STATUS)"
	default:
		f.remedy = "look at the log of the database server; it is tried again meanwhile"
	}
	return f, true
}

// mySQLRefusals are the numbers of refused values; some of them have the general SQLSTATE: no number, a failed CHECK,
// invalid JSON.
var mySQLRefusals = [...]uint16{1048, 1062, 1138, 1264, 1265, 1292, 1364, 1366, 1367, 1406, 1411, 1451, 1452, 1690, 3140, 3819, 4025, 4078}
