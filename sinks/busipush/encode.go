package busipush

import (
	"bytes"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// layout is the wire form of create_date: yyyy-MM-dd HH:mm:ss in Asia/Shanghai. The document prints hh, but its sample
// has the hour 18 (D3).
const layout = "2006-01-02 15:04:05"

// The fields of a record, all texts, in the order of the document.
const (
	fieldID = iota
	fieldUserID
	fieldUserPhone
	fieldUserName
	fieldBusiItem
	fieldBusiDetail
	fieldCreateDate
	fieldCount
)

func fieldNames() [fieldCount]string {
	return [fieldCount]string{"id", "user_id", "user_phone", "user_name", "busi_item", "busi_detail", "create_date"}
}

// required says whether a record without this field is refused. The other three are sent empty: an affair may have no
// phone and no detail, and the name has a default.
func required(field int) bool {
	return field == fieldID || field == fieldUserID || field == fieldBusiItem || field == fieldCreateDate
}

// encoder writes records as the value of the form parameter data: JSON, percent-encoded in the same pass. It is not
// changed after it is made.
type encoder struct {
	names    [fieldCount]string
	opening  [fieldCount]string // what stands before a field's value, encoded
	closing  string
	defaults [fieldCount]string // for a value that is missing or blank
	local    *time.Location     // of text without a zone
	wire     *time.Location
	same     bool // local is wire
}

func newEncoder(defaults [fieldCount]string, local, wire *time.Location) *encoder {
	e := &encoder{names: fieldNames(), closing: url.QueryEscape(`"}`), defaults: defaults,
		local: local, wire: wire, same: local.String() == wire.String()}
	for i, name := range e.names {
		before := `","`
		if i == 0 {
			before = `{"`
		}
		e.opening[i] = url.QueryEscape(before + name + `":"`)
	}
	return e
}

// encoded is a batch on its way.
type encoded struct {
	data     []byte // the whole array
	records  int    // how many are in it
	rejected []feed.Rejection
}

// span is where a record and the comma behind it stand in the data.
type span struct {
	row, start, end int
	dropped         bool
}

// encode writes the rows of b into buf. Columns holds the place of each field's column, -1 for none.
func (e *encoder) encode(buf []byte, b feed.Batch, columns [fieldCount]int) encoded {
	out := encoded{data: append(buf[:0], "%5B"...)}
	spans := make([]span, 0, b.Len())
	seen := make(map[string]int, b.Len()) // by id: place in spans
	for i := range b.Len() {
		start := len(out.data)
		id, fault := e.record(&out.data, b.Row(i), columns)
		if fault.Code != "" {
			fault.Row = i
			out.data, out.rejected = out.data[:start], append(out.rejected, fault)
			continue
		}
		out.data = append(out.data, "%2C"...)
		now := span{row: i, start: start, end: len(out.data)}
		if at, again := seen[id]; again {
			out.supersede(&spans[at], now)
		}
		seen[id] = len(spans)
		spans = append(spans, now)
	}
	if out.records = len(seen); len(seen) < len(spans) {
		out.compact(spans)
	}
	out.data = append(bytes.TrimSuffix(out.data, []byte("%2C")), "%5D"...)
	return out
}

// supersede drops an earlier record for a later one with the same id, and rejects it unless both are the same.
func (out *encoded) supersede(old *span, now span) {
	old.dropped = true
	if !bytes.Equal(out.data[old.start:old.end], out.data[now.start:now.end]) {
		out.rejected = append(out.rejected, feed.Rejection{Row: old.row, Code: "id",
			Reason: "a later record of the batch has the same id and other values; that one was sent"})
	}
}

// compact moves together what is sent.
func (out *encoded) compact(spans []span) {
	kept := out.data[:spans[0].start]
	for _, s := range spans {
		if !s.dropped {
			kept = append(kept, out.data[s.start:s.end]...)
		}
	}
	out.data = kept
	slices.SortFunc(out.rejected, func(a, b feed.Rejection) int { return a.Row - b.Row })
}

// record appends one record and returns its id, or a fault with a Code.
func (e *encoder) record(buf *[]byte, row []feed.Value, columns [fieldCount]int) (id string, fault feed.Rejection) {
	dst := *buf
	for f, at := range columns {
		var v feed.Value
		if at >= 0 {
			v = row[at]
		}
		dst = append(dst, e.opening[f]...)
		start := len(dst)
		var why string
		if f == fieldCreateDate {
			dst, why = e.appendDate(dst, v)
		} else {
			dst, why = e.appendText(dst, f, v)
		}
		if why == "" && len(dst) == start && required(f) {
			why = "is missing"
		}
		if why != "" {
			return "", feed.Rejection{Code: e.names[f], Reason: e.names[f] + " " + why}
		}
		if f == fieldID {
			id = idText(v, dst[start:])
		}
	}
	*buf = append(dst, e.closing...)
	return id, fault
}

// idText is the id as a map key: the text itself when that costs no copy, else its encoded form, which tells ids apart
// just as well. An id that comes as text here and as a number there is still one id, so a text that the encoding
// changes is keyed by its encoded form too.
func idText(v feed.Value, wire []byte) string {
	if s, ok := v.(string); ok && len(s) == len(wire) {
		return s
	}
	return string(wire)
}

// appendText appends a value as text. Why it cannot be is for a sentence that begins with the field's name.
func (e *encoder) appendText(dst []byte, field int, v feed.Value) (_ []byte, why string) {
	if raw, ok := v.([]byte); ok {
		v = string(raw)
	}
	switch v := v.(type) {
	case string:
		switch {
		case !utf8.ValidString(v):
			return dst, "is not valid UTF-8"
		case blank(v):
			return escape(dst, e.defaults[field]), ""
		}
		return escape(dst, v), ""
	case nil:
		return escape(dst, e.defaults[field]), ""
	case int64:
		return strconv.AppendInt(dst, v, 10), ""
	case bool:
		return strconv.AppendBool(dst, v), ""
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, "is not a finite number"
		}
		return strconv.AppendFloat(dst, v, 'f', -1, 64), ""
	case time.Time:
		return e.appendTime(dst, v)
	}
	return dst, "has a type that is no text"
}

func blank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}

// appendDate appends create_date: a time, or a text in the wire's form or RFC 3339. Nothing is guessed beyond that.
func (e *encoder) appendDate(dst []byte, v feed.Value) (_ []byte, why string) {
	const wrong = `is no date of the form "2006-01-02 15:04:05" or RFC 3339`
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	if s, ok := v.(string); ok && !blank(s) {
		s = strings.TrimSpace(s)
		if e.same && isDate(s) { // as it must be already
			return escape(dst, s), ""
		}
		t, ok := parseDate(s, e.local)
		if !ok {
			return dst, wrong
		}
		return e.appendTime(dst, t)
	}
	switch v := v.(type) {
	case time.Time:
		return e.appendTime(dst, v)
	case nil, string:
		return escape(dst, e.defaults[fieldCreateDate]), ""
	}
	return dst, wrong
}

func parseDate(s string, local *time.Location) (time.Time, bool) {
	t, err := time.ParseInLocation(layout, s, local)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	return t, err == nil
}

// wireDate says whether s is a date in the wire's form.
func wireDate(s string) bool {
	_, ok := parseDate(s, time.UTC)
	return ok && len(s) == len(layout)
}

// isDate says whether s is a date exactly in the wire's form; much faster than to parse it. What it does not know is left
// to parseDate: the 29th of February and later than the 30th, and the year 0.
func isDate(s string) bool {
	if len(s) != len(layout) || s[:4] == "0000" {
		return false
	}
	for i := range len(layout) {
		digit := s[i]-'0' <= 9
		if wanted := layout[i]-'0' <= 9; digit != wanted || !digit && s[i] != layout[i] {
			return false
		}
	}
	month, day := s[5:7], s[8:10]
	return "01" <= month && month <= "12" && "01" <= day && (day <= "28" || day <= "30" && month != "02") &&
		s[11:13] <= "23" && s[14:16] <= "59" && s[17:] <= "59"
}

// appendTime appends a time as the wire has it: in Shanghai, whole seconds.
func (e *encoder) appendTime(dst []byte, t time.Time) (_ []byte, why string) {
	t = t.In(e.wire)
	if y := t.Year(); t.IsZero() || y < 1 || y > 9999 {
		return dst, "is a date outside the years 1 to 9999"
	}
	var b [len(layout)]byte
	return escape(dst, string(t.AppendFormat(b[:0], layout))), ""
}
