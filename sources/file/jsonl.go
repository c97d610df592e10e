package file

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"milkrun/sync/feed"
)

// jsonDecoder turns JSON objects into rows.
type jsonDecoder struct{ columns *feed.Columns }

func (d *jsonDecoder) decode(record []byte, row []feed.Value, note func(string)) *bad {
	seen := make([]bool, len(row))
	return members(record, func(name string, value []byte) *bad {
		i, ok := d.columns.Index(name)
		if !ok {
			note("keys that are no column")
			return nil
		}
		if seen[i] {
			return &bad{"duplicate key", "a key stands twice in the object"}
		}
		seen[i] = true
		var wrong *bad
		row[i], wrong = jsonValue(value)
		return wrong
	})
}

// newJSONDecoder takes the columns given, else the keys of the first record. Their types are unknown.
func newJSONDecoder(first []byte, names []string) (*jsonDecoder, *feed.Columns, *bad) {
	if len(names) == 0 {
		wrong := members(first, func(name string, _ []byte) *bad {
			names = append(names, name)
			return nil
		})
		if wrong != nil {
			return nil, nil, wrong
		}
		if _, twice := repeated(names); twice {
			return nil, nil, &bad{"duplicate key", "a key stands twice in the object"}
		}
		if len(names) == 0 {
			return nil, nil, &bad{"json", "the object is empty"}
		}
	}
	list := make([]feed.Column, len(names))
	for i, n := range names {
		list[i].Name = n
	}
	c := feed.NewColumns(list...)
	return &jsonDecoder{c}, c, nil
}

// members calls do for each member of a JSON object, in order.
func members(object []byte, do func(name string, value []byte) *bad) *bad {
	object = bytes.TrimSpace(object)
	if !json.Valid(object) {
		return &bad{"json", "the line is not JSON"}
	}
	if object[0] != '{' {
		return &bad{"json", "the line is JSON, but not an object"}
	}
	rest := skipSpace(object[1:])
	for rest[0] != '}' {
		end := valueEnd(rest)
		name, wrong := jsonText(rest[:end])
		if wrong != nil {
			return wrong
		}
		rest = skipSpace(skipSpace(rest[end:])[1:]) // the colon
		end = valueEnd(rest)
		if wrong := do(name, rest[:end]); wrong != nil {
			return wrong
		}
		if rest = skipSpace(rest[end:]); rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return nil
}

func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// valueEnd is the length of the value at the beginning of valid JSON.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			n := bytes.IndexAny(b[i:], ",]} \t\r\n")
			if n < 0 {
				return len(b)
			}
			return i + n
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(b)
}

// stringEnd is the length of the JSON string at the beginning of b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func jsonValue(raw []byte) (feed.Value, *bad) {
	switch raw[0] {
	case '"':
		return jsonText(raw)
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil
	case '{', '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return nil, &bad{"json", "a nested value is not JSON"}
		}
		return compact.String(), nil
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	return string(raw), nil
}

// jsonText reads a JSON string. Half a surrogate pair, which no text can hold, is refused rather than replaced.
func jsonText(raw []byte) (string, *bad) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", &bad{"json", "a text is not JSON"}
	}
	const replacement = "\ufffd"
	meant := bytes.Count(raw, []byte(replacement)) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	if strings.Count(s, replacement) > meant {
		return "", &bad{"json", "a text holds half a surrogate pair"}
	}
	return s, nil
}
