package file

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// form writes rows of certain columns as lines, and reads keys from lines.
type form struct {
	csv     bool
	columns *feed.Columns
	key     []string
	keyAt   []int    // the columns of key
	names   [][]byte // the columns' names as they are written
}

// newForm wants every key column among the columns.
func newForm(csv bool, columns *feed.Columns, key []string) (*form, error) {
	f := &form{csv: csv, columns: columns, key: key}
	for _, k := range key {
		at, ok := columns.Index(k)
		if !ok {
			return nil, feed.Errorf(feed.HaltJob, "columns", "the records have no column %q, which is a key column of the file", k).
				WithRemedy("correct key in the job's sink, or the columns of its source")
		}
		f.keyAt = append(f.keyAt, at)
	}
	for _, name := range columns.Names() {
		if csv {
			f.names = append(f.names, appendField(nil, name))
		} else {
			f.names = append(f.names, append(appendJSON(nil, name), ':'))
		}
	}
	return f, nil
}

// header is what stands before the first record.
func (f *form) header() []byte {
	if !f.csv {
		return nil
	}
	return append(bytes.Join(f.names, []byte{','}), '\n')
}

// line appends a row, with its line end. The rejection, if there is one, lacks the row's number.
func (f *form) line(dst []byte, row []feed.Value) ([]byte, *feed.Rejection) {
	start := len(dst)
	for i, v := range row {
		text, bare, reason := render(v, f.columns.List()[i].Type)
		if reason != "" {
			name := f.columns.List()[i].Name
			return dst[:start], &feed.Rejection{Code: name, Reason: fmt.Sprintf("the column %s %s", name, reason)}
		}
		dst = f.value(dst, i, text, bare)
	}
	if !f.csv {
		return append(dst, "}\n"...), nil
	}
	if len(row) == 1 && row[0] == nil {
		dst = append(dst, `""`...) // an empty line would be no record
	}
	return append(dst, '\n'), nil
}

func (f *form) value(dst []byte, i int, text string, bare bool) []byte {
	if f.csv {
		if i > 0 {
			dst = append(dst, ',')
		}
		if bare {
			if text == "null" {
				return dst
			}
			return append(dst, text...)
		}
		return appendField(dst, text)
	}
	if i == 0 {
		dst = append(dst, '{')
	} else {
		dst = append(dst, ',')
	}
	dst = append(dst, f.names[i]...)
	if bare {
		return append(dst, text...)
	}
	return appendJSON(dst, text)
}

// render writes a value as text; bare is what JSON has without quotes. The reason says why it cannot be written.
func render(v feed.Value, typ feed.Type) (text string, bare bool, reason string) {
	switch v := v.(type) {
	case nil:
		return "null", true, ""
	case bool:
		return strconv.FormatBool(v), true, ""
	case int64:
		return strconv.FormatInt(v, 10), true, ""
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", false, "is not a number"
		}
		layout := byte('f')
		if abs := math.Abs(v); abs >= 1e21 || abs != 0 && abs < 1e-6 {
			layout = 'e'
		}
		return strconv.FormatFloat(v, layout, -1, 64), true, ""
	case string:
		if !utf8.ValidString(v) {
			return "", false, "is not UTF-8"
		}
		return v, false, ""
	case []byte:
		return base64.StdEncoding.EncodeToString(v), false, ""
	case time.Time:
		if typ == feed.Date {
			return v.Format(time.DateOnly), false, ""
		}
		return v.Format(time.RFC3339Nano), false, ""
	}
	return "", false, fmt.Sprintf("holds a %T", v)
}

// appendJSON writes valid UTF-8 as a JSON string.
func appendJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// appendField writes a CSV field (RFC 4180), in quotes where they are needed. The empty text is "".
func appendField(dst []byte, s string) []byte {
	if s != "" && !bytes.ContainsAny([]byte(s), ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' && s[0] != 0xEF {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, bytes.ReplaceAll([]byte(s), []byte{'"'}, []byte(`""`))...)
	return append(dst, '"')
}

// mark tells a line by its key and its content.
type mark struct{ key, content uint64 }

// mark reads the key of a line. Without key columns, and in a line that is none of the sink's, the line is its own key.
func (f *form) mark(seed maphash.Seed, line []byte) mark {
	line = bytes.TrimRight(line, "\r\n")
	m := mark{content: maphash.Bytes(seed, line)}
	m.key = m.content
	if len(f.key) == 0 {
		return m
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range f.key {
		part, ok := f.keyPart(line, i)
		if !ok {
			return m
		}
		_, _ = fmt.Fprintf(&h, "%d:%s", len(part), part) // a hash takes everything
	}
	m.key = h.Sum64()
	return m
}

func (f *form) keyPart(line []byte, i int) (string, bool) {
	if f.csv {
		return csvField(line, f.keyAt[i])
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(line, &object) != nil {
		return "", false
	}
	part, ok := object[f.key[i]]
	return string(part), ok
}

// csvField is the text of a field of a line.
func csvField(line []byte, number int) (string, bool) {
	for ; ; number-- {
		end := 0
		for quoted := false; end < len(line) && (quoted || line[end] != ','); end++ {
			quoted = quoted != (line[end] == '"')
		}
		if number == 0 {
			text := string(line[:end])
			if len(text) > 1 && text[0] == '"' {
				text = strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
			}
			return text, true
		}
		if end == len(line) {
			return "", false
		}
		line = line[end+1:]
	}
}
