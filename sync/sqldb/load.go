package sqldb

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Load inserts rows into a table, given as SQL: values holds them one after the other. tail is what stands behind
// VALUES, for an upsert; it must be empty where [Dialect.Copies].
func (s *Session) Load(ctx context.Context, table string, columns []string, values []Value, tail string) error {
	if len(values) == 0 {
		return nil
	}
	if s.d.copies {
		return s.copyIn(ctx, table, columns, values)
	}
	w := len(columns)
	per := max(1, min(s.d.chunk, s.d.maxArgs/w))
	whole := len(values) / w / per * per
	if err := s.insert(ctx, table, columns, values[:whole*w], per, tail); err != nil {
		return err
	}
	return s.insert(ctx, table, columns, values[whole*w:], len(values)/w-whole, tail)
}

// insert runs one prepared INSERT of per rows until all values are in; they are a multiple of per rows.
func (s *Session) insert(ctx context.Context, table string, columns []string, values []Value, per int, tail string) error {
	if len(values) == 0 {
		return nil
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	query := "INSERT INTO " + table + " (" + s.d.List("", columns) + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(row+", ", per), ", ") + tail
	args := named(values[:per*len(columns)])
	return s.raw(ctx, func(c conn) error {
		return withStmt(ctx, c, query, func(st stmt) error {
			for ; len(values) > 0; values = values[len(args):] {
				for i := range args {
					args[i].Value = values[i]
				}
				if err := s.run(ctx, st, args); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *Session) run(ctx context.Context, st stmt, args []driver.NamedValue) error {
	if s.d.fused {
		rows, err := st.QueryContext(ctx, args)
		if err != nil {
			return err
		}
		return rows.Close()
	}
	_, err := st.ExecContext(ctx, args)
	return err
}

// copyIn is PostgreSQL's COPY, in text form: the server reads every type from its text.
func (s *Session) copyIn(ctx context.Context, table string, columns []string, values []Value) error {
	query := "COPY " + table + " (" + s.d.List("", columns) + ") FROM STDIN"
	return s.conn.Raw(func(c any) error {
		pg, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("driver connection %T knows no COPY", c)
		}
		_, err := pg.Conn().PgConn().CopyFrom(ctx, &copyText{values: values, width: len(columns)}, query)
		return err
	})
}

// copyText writes rows in the text format of COPY, a piece at a time.
type copyText struct {
	values []Value
	width  int
	buf    []byte
	rest   []byte
}

// Read implements io.Reader.
func (r *copyText) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.buf = r.buf[:0]
		for len(r.values) > 0 && len(r.buf) < 64<<10 {
			for i, v := range r.values[:r.width] {
				if i > 0 {
					r.buf = append(r.buf, '\t')
				}
				r.buf = appendCopy(r.buf, v)
			}
			r.buf = append(r.buf, '\n')
			r.values = r.values[r.width:]
		}
		r.rest = r.buf
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func appendCopy(b []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, `\N`...)
	case string:
		return appendEscaped(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case bool:
		return strconv.AppendBool(b, v)
	case []byte:
		return append(append(b, `\\x`...), fmt.Appendf(nil, "%x", v)...)
	case time.Time:
		return v.AppendFormat(b, zonedLayout)
	}
	return appendEscaped(b, fmt.Sprint(v))
}

func appendEscaped(b []byte, s string) []byte {
	if !strings.ContainsAny(s, "\\\t\n\r") {
		return append(b, s...)
	}
	for i := range len(s) {
		if at := bytes.IndexByte([]byte("\\\t\n\r"), s[i]); at >= 0 {
			b = append(b, '\\', `\tnr`[at])
			continue
		}
		b = append(b, s[i])
	}
	return b
}
