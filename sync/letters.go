package sync

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// masked returns the rows with the job's masks applied; the rows themselves when there are none.
func (r *run) masked(b feed.Batch) feed.Batch {
	if len(r.job.Mask) == 0 || b.Len() == 0 {
		return b
	}
	out := feed.Batch{Columns: b.Columns, Values: make([]feed.Value, len(b.Values))}
	copy(out.Values, b.Values)
	width := b.Columns.Len()
	for column, rule := range r.job.Mask {
		at, ok := b.Columns.Index(column)
		if !ok {
			continue
		}
		for i := at; i < len(out.Values); i += width {
			out.Values[i] = mask.Value(rule, out.Values[i])
		}
	}
	return out
}

// letters makes dead letters of the records of a batch that the sink rejected.
func (r *run) letters(b *batch, rejected []feed.Rejection) []state.Letter {
	list := make([]state.Letter, 0, len(rejected))
	finder, _ := r.source.(feed.Rereader)
	for _, rej := range rejected {
		raw := make(map[string]feed.Value, b.raw.Columns.Len())
		for i, column := range b.raw.Columns.List() {
			raw[column.Name] = b.raw.Row(rej.Row)[i]
		}
		letter := r.letter(rej, raw)
		if finder != nil {
			letter.Place = finder.Locate(b.raw, rej.Row)
		}
		list = append(list, letter)
	}
	return list
}

// refused makes dead letters of the records of a page that the source itself refused.
func (r *run) refused(p page) []state.Letter {
	list := make([]state.Letter, 0, len(p.Rejected))
	for _, rej := range p.Rejected {
		letter := r.letter(rej, rej.Record)
		letter.Place = rej.Place
		letter.Reason = fmt.Sprintf("%s (record %d of the page behind %s)", letter.Reason, rej.Row+1, shownCursor(p.after))
		list = append(list, letter)
	}
	return list
}

func (r *run) letter(rej feed.Rejection, raw map[string]feed.Value) state.Letter {
	record := make(map[string]any, len(raw))
	for column, v := range raw {
		record[column] = r.storable(column, v)
	}
	text, err := json.Marshal(record)
	if err != nil {
		text = []byte(`{}`) // storable makes every value text, number or null
	}
	return state.Letter{Job: r.job.Name, RunID: r.id(), At: r.engine.now(), Code: rej.Code, Reason: mask.Scrub(rej.Reason),
		Record: string(text), Key: r.keyOf(rej, raw, record, text)}
}

// keyOf tells the record of a letter apart, in an enumeration, so that a record refused every night stays one letter: by
// its key, or by all that is known of it when the key cannot be told. Several records of a run that are alike in that are
// told apart by their order. A key that may not be stored is stored as a digest.
func (r *run) keyOf(rej feed.Rejection, raw map[string]feed.Value, stored map[string]any, record []byte) string {
	e, ok := r.source.(feed.Enumerator)
	if !ok {
		return ""
	}
	clear, shown, blank := make([]string, len(e.Key())), make([]string, len(e.Key())), rej.NoKey
	for i, column := range e.Key() {
		clear[i], shown[i] = fmt.Sprint(raw[column]), fmt.Sprint(stored[column])
		blank = blank || raw[column] == nil || strings.TrimSpace(clear[i]) == ""
	}
	key := strings.Join(clear, " ")
	switch {
	case blank:
		key = "record " + shortSum(string(record))
	case !slices.Equal(clear, shown):
		key = "sha256 " + shortSum(strings.Join(clear, "\x00"))
	}
	return r.numbered(key)
}

// numbered tells alike keys of one reading apart.
func (r *run) numbered(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.alike == nil {
		r.alike = map[string]int{}
	}
	if r.alike[key]++; r.alike[key] > 1 {
		return fmt.Sprintf("%s (%d)", key, r.alike[key])
	}
	return key
}

func shortSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// storable is a value as the state file may keep it (invariant 8): besides what the job masks, whatever its interface says
// is personal data, or looks like it by its column's name or by its form, is masked. The record itself stays where it came
// from, and is read again there when the letter is tried again.
func (r *run) storable(column string, v any) any {
	if rule, ok := r.job.Mask[column]; ok {
		v = mask.Value(rule, v)
	} else if rule, ok := r.job.Interface.Personal(column); ok {
		v = mask.Value(rule, v)
	} else if rule, ok := mask.Guess(column); ok {
		v = mask.Value(rule, v)
	}
	switch v := v.(type) {
	case string:
		return mask.Scrub(strings.ToValidUTF8(v, "\uFFFD"))
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case int64, float64:
		if text := mask.Scrub(digits(v)); text != digits(v) || strings.Trim(text, "+-") == "Inf" || text == "NaN" { // JSON has no such number
			return text
		}
		return v
	default:
		return v
	}
}

// digits is a number without an exponent, as a phone number is written.
func digits(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
