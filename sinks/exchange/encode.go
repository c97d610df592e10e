package exchange

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// plan says what of a row travels: one entry a field, in the order of the columns.
type plan []field

type field struct {
	column  string
	at      int
	opening string // "name":
	key     bool
}

// plan fits map and key to the columns, or names what is not there.
func (s *sink) plan(c *feed.Columns) (plan, error) {
	var p plan
	var missing []string
	add := func(wire, column string) {
		at, ok := c.Index(column)
		if !ok {
			missing = append(missing, fmt.Sprintf("%q", column))
		}
		p = append(p, field{column, at, string(appendText(nil, wire)) + ":", slices.Contains(s.Key, column)})
	}
	for wire, column := range s.Map {
		add(wire, column)
	}
	for i, column := range c.Names() {
		if at, _ := c.Index(column); s.Map == nil && at == i { // of two equal names the first travels
			add(column, column)
		}
	}
	for _, column := range s.Key {
		if !slices.ContainsFunc(p, func(f field) bool { return f.column == column }) {
			missing = append(missing, fmt.Sprintf("%q", column))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, feed.Errorf(feed.Fail, "columns", "the records have no column %s; their columns are %s",
			strings.Join(slices.Compact(missing), ", "), strings.Join(c.Names(), ", ")).
			WithRemedy("correct map and key of the sink, or what the source reads")
	}
	slices.SortFunc(p, func(a, b field) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.opening, b.opening)) })
	return p, nil
}

// push is a batch on its way: the body of the request, and the rows that are in it.
type push struct {
	id            string
	body, records []byte
	rows          []int
	rejected      []feed.Rejection
}

func (s *sink) encode(p plan, b feed.Batch) push {
	var out push
	records := make([]byte, 0, 32*b.Len()*len(p)+2)
	records = append(records, '[')
	for i := range b.Len() {
		start := len(records)
		if len(out.rows) > 0 {
			records = append(records, ',')
		}
		var at field
		var why string
		if records, at, why = s.appendRecord(records, p, b.Row(i)); why != "" {
			records = records[:start]
			out.rejected = append(out.rejected, feed.Rejection{Row: i, Code: at.column, Reason: at.column + " " + why})
			continue
		}
		out.rows = append(out.rows, i)
	}
	out.records = append(records, ']')
	out.id, out.body = s.envelope(out)
	return out
}

// envelope is the whole body. Its batch_id stands for all the rest of it, and for the run.
func (s *sink) envelope(p push) (id string, body []byte) {
	text := func(v string) string { return string(appendText(nil, v)) }
	before := fmt.Sprintf(`{"interface":%s,"version":%s,"purpose":%s,"batch_id":`, text(s.Resource), text(s.connection.Version), text(s.purpose))
	behind := fmt.Sprintf(`,"mode":%s,"count":%d,"records":`, text(s.mode), len(p.rows))
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s%s", s.run, before, behind)
	h.Write(p.records)
	id = hex.EncodeToString(h.Sum(nil)[:16])
	body = make([]byte, 0, len(before)+len(behind)+len(p.records)+40)
	body = append(append(body, before...), text(id)...)
	body = append(append(body, behind...), p.records...)
	return id, append(body, '}')
}

// appendRecord appends one record, or says at which field it cannot be sent and why.
func (s *sink) appendRecord(dst []byte, p plan, row []feed.Value) (_ []byte, at field, why string) {
	dst = append(dst, '{')
	for i, f := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		v := row[f.at]
		if text, isText := v.(string); f.key && (v == nil || isText && strings.TrimSpace(text) == "") {
			return dst, f, "is a key and missing"
		}
		dst = append(dst, f.opening...)
		if dst, why = s.appendValue(dst, v); why != "" {
			return dst, f, why
		}
	}
	return append(dst, '}'), field{}, ""
}

// appendValue appends a value: dates as agreed in the job's time zone, bytes in base64, decimals as text.
func (s *sink) appendValue(dst []byte, v feed.Value) (_ []byte, why string) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), ""
	case string:
		if !utf8.ValidString(v) {
			return dst, "is not valid UTF-8"
		}
		return appendText(dst, v), ""
	case int64:
		return strconv.AppendInt(dst, v, 10), ""
	case bool:
		return strconv.AppendBool(dst, v), ""
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, "is not a finite number"
		}
		number, _ := json.Marshal(v) // finite numbers have a form
		return append(dst, number...), ""
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"'), ""
	case time.Time:
		if t := v.In(s.local); t.Year() >= 1 && t.Year() <= 9999 {
			return appendText(dst, s.Layout.Format(t)), ""
		}
		return dst, "is a date outside the years 1 to 9999"
	}
	return dst, "has a type that JSON has no form for"
}

// appendText appends valid UTF-8 as a JSON text. Nothing is escaped that need not be.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	clean := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[clean:i]...)
		if c < ' ' {
			dst = fmt.Appendf(dst, `\u%04x`, c)
		} else {
			dst = append(dst, '\\', c)
		}
		clean = i + 1
	}
	return append(append(dst, s[clean:]...), '"')
}
