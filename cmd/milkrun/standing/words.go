package standing

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"milkrun/sync/feed"
)

// Grouped writes a number with a comma between its thousands.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Cursor writes a cursor for people: the members of a JSON object as "name value", the elements of an array as they are,
// and anything else as it is.
func Cursor(c feed.Cursor) string {
	d := json.NewDecoder(strings.NewReader(string(c)))
	open, err := d.Token()
	if err != nil || !json.Valid([]byte(c)) || open != json.Delim('{') && open != json.Delim('[') {
		return string(c)
	}
	var parts []string
	for d.More() {
		var name json.Token
		if open == json.Delim('{') {
			if name, err = d.Token(); err != nil {
				return string(c)
			}
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return string(c)
		}
		part := strings.Trim(string(value), `"`)
		if name != nil {
			part = fmt.Sprintf("%s %s", name, part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// Sum is what a run changed that replaced its target as a whole: records, and the pages that were read again because
// rows moved.
type Sum struct{ Inserted, Updated, Deleted, Unchanged, Reread int64 }

// SumOf reads the summary of a run; known is false for one of another kind.
func SumOf(summary string) (s Sum, known bool) {
	d := json.NewDecoder(strings.NewReader(summary))
	d.DisallowUnknownFields()
	return s, d.Decode(&s) == nil
}
