package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
)

// reader asks for records and decodes them. It is safe for concurrent use.
type reader struct {
	*settings
	label      string // what is read from where
	connection *exchange.Connection
	base       http.RoundTripper
	local      *time.Location

	mu    sync.Mutex
	shape *shape // nil until the first record, when the settings do not say
}

// shape is what becomes of a record's fields. It is not changed after it is made.
type shape struct {
	columns *feed.Columns
	places  map[string]int // by wire name
	dates   []bool
	key     []bool
}

func (s *settings) shapeOf(list []column) (*shape, error) {
	sh := &shape{places: map[string]int{}, dates: make([]bool, len(list)), key: make([]bool, len(list))}
	columns, names := make([]feed.Column, len(list)), make([]string, len(list))
	for i, c := range list {
		columns[i], names[i], sh.places[c.wire] = feed.Column{Name: c.name}, c.name, i
		sh.key[i] = slices.Contains(s.Key, c.name)
		if sh.dates[i] = slices.Contains(s.dates, c.name); sh.dates[i] {
			columns[i].Type = feed.Time
		}
	}
	for _, want := range slices.Concat(s.Key, s.dates) {
		if !slices.Contains(names, want) {
			return nil, feed.Errorf(feed.Fail, "columns", "there is no column %q; the columns are %s", want, strings.Join(names, ", ")).
				WithRemedy("correct key and dates of the source")
		}
	}
	sh.columns = feed.NewColumns(columns...)
	return sh, nil
}

// ask sends one query and returns the answer with its records, as they stand. At most limit may come.
func (r *reader) ask(ctx context.Context, op string, query any, limit int) (exchange.Answer, [][]byte, error) {
	body, err := json.Marshal(query)
	if err != nil {
		return exchange.Answer{}, nil, fmt.Errorf("%s: %w", op, err)
	}
	a, err := r.connection.Post(ctx, r.base, exchange.Request{Op: op, Path: exchange.Path(r.Resource, "query"), Body: body})
	if err != nil {
		if judged := feed.Judge(err); judged.Verdict == feed.Refuse { // there is no batch to halve
			err = feed.Errorf(feed.HaltJob, judged.Code, "%w", err).
				WithRemedy("compare resource, paging and page_size with the agreement, then resume the job")
		}
		return a, nil, err
	}
	raw := a.Field("records")
	if len(raw) == 0 || raw[0] != '[' {
		return a, nil, exchange.Ambiguous(op, "records is no list")
	}
	records := slices.Collect(exchange.Elements(raw))
	if len(records) > limit {
		return a, nil, exchange.Ambiguous(op, "%d records were asked for, %d came", limit, len(records))
	}
	return a, records, nil
}

// decode turns the records behind the first skip ones into a page. A record that is none is rejected; a column that no
// record has refuses the page.
func (r *reader) decode(op string, records [][]byte, skip int) (feed.Page, error) {
	var page feed.Page
	sh, err := r.shapeFor(records)
	if err != nil {
		return page, fmt.Errorf("%s: %w", op, err)
	}
	if sh == nil {
		return page, nil
	}
	d := decoder{shape: sh, layout: r.Layout, local: r.local, seen: make([]int, sh.columns.Len()), count: make([]int, sh.columns.Len())}
	d.values = make([]feed.Value, 0, len(records)*sh.columns.Len())
	for i, raw := range records[min(skip, len(records)):] {
		if rejected, bad := d.record(i+skip, raw); bad {
			page.Rejected = append(page.Rejected, rejected)
		}
	}
	if at := slices.Index(d.count, 0); at >= 0 && d.objects > 0 {
		name := sh.columns.List()[at].Name
		return feed.Page{}, feed.Errorf(feed.HaltJob, "columns", "%s: none of the %d records has the field of the column %s any more", op, d.objects, name).
			WithRemedy("ask the partner whether the interface was changed (甲权利3: with notice); correct columns and map of the source, then resume the job")
	}
	page.Rows = feed.Batch{Columns: sh.columns, Values: d.values}
	return page, nil
}

// shapeFor returns the shape of all pages, which the first record ever seen decides when the settings do not.
func (r *reader) shapeFor(records [][]byte) (*shape, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, raw := range records {
		if r.shape != nil {
			break
		}
		var list []column
		for key := range members(raw) {
			if name, err := exchange.Text(key); err == nil && name != "" && !slices.Contains(list, column{name, name}) {
				list = append(list, column{name, name})
			}
		}
		if len(list) == 0 {
			continue // it will be rejected
		}
		var err error
		if r.shape, err = r.shapeOf(list); err != nil {
			return nil, err
		}
	}
	return r.shape, nil
}

// members are those of an object, none for any other value.
func members(raw []byte) func(func(key, value []byte) bool) {
	if raw[0] != '{' {
		return func(func(key, value []byte) bool) {}
	}
	return exchange.Members(raw)
}

// decoder fills rows.
type decoder struct {
	*shape
	layout  exchange.Layout
	local   *time.Location
	values  []feed.Value
	seen    []int // by column: number of the last record that had it
	count   []int // by column: how many records had it
	objects int
}

// record appends one record, or says why it is rejected. Row is its place in the partner's list.
func (d *decoder) record(row int, raw []byte) (rejected feed.Rejection, bad bool) {
	if raw[0] != '{' {
		return feed.Rejection{Row: row, Code: "record", Reason: "the record is not a JSON object"}, true
	}
	d.objects++
	start := len(d.values)
	d.values = append(d.values, make([]feed.Value, d.columns.Len())...)
	at, why := d.fields(d.values[start:], raw)
	if why == "" {
		at, why = d.keyless(d.values[start:])
	}
	if why == "" {
		return feed.Rejection{}, false
	}
	column := d.columns.List()[at].Name
	rejected = feed.Rejection{Row: row, Code: column, Reason: column + " " + why, Record: d.known(d.values[start:])}
	d.values = d.values[:start]
	return rejected, true
}

// fields decodes a record into a row. It returns the first column whose value cannot be taken, and why; the others are
// decoded all the same.
func (d *decoder) fields(row []feed.Value, raw []byte) (column int, fault string) {
	for key, value := range exchange.Members(raw) {
		at, ok := d.place(key)
		if !ok {
			continue
		}
		v, why := d.value(value, d.dates[at])
		if d.seen[at] == d.objects {
			why = "is there twice"
		}
		if why != "" && fault == "" {
			column, fault = at, why
		}
		d.seen[at], d.count[at], row[at] = d.objects, d.count[at]+1, v
	}
	return column, fault
}

// keyless returns a key column without a value.
func (d *decoder) keyless(row []feed.Value) (column int, fault string) {
	for at, isKey := range d.key {
		if v := row[at]; isKey && (v == nil || v == "") {
			return at, "is a key and missing"
		}
	}
	return 0, ""
}

// known is what a row holds, by column.
func (d *decoder) known(row []feed.Value) map[string]feed.Value {
	record := map[string]feed.Value{}
	for i, v := range row {
		if v != nil {
			record[d.columns.List()[i].Name] = v
		}
	}
	return record
}

func (d *decoder) place(key []byte) (int, bool) {
	if bytes.IndexByte(key, '\\') < 0 {
		at, ok := d.places[string(key[1:len(key)-1])]
		return at, ok
	}
	name, err := exchange.Text(key)
	at, ok := d.places[name]
	return at, ok && err == nil
}

// value decodes one value, or says why it cannot be taken.
func (d *decoder) value(raw []byte, date bool) (_ feed.Value, why string) {
	switch raw[0] {
	case 'n':
		return nil, ""
	case '"':
		text, err := exchange.Text(raw)
		if err != nil {
			return nil, "is not valid UTF-8"
		}
		if date {
			return d.date(text)
		}
		return text, ""
	}
	if date {
		return nil, "is no date but another value"
	}
	switch raw[0] {
	case 't', 'f':
		return raw[0] == 't', ""
	case '{', '[':
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil || !utf8.Valid(raw) {
			return nil, "is not valid UTF-8"
		}
		return b.String(), ""
	}
	return number(string(raw)), ""
}

// number never goes through a float: an id of 19 digits stays what it is.
func number(text string) feed.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
		return n
	}
	return text
}

// date reads a date as agreed; an empty one is none.
func (d *decoder) date(text string) (feed.Value, string) {
	if strings.TrimSpace(text) == "" {
		return nil, ""
	}
	t, err := d.layout.Parse(text, d.local)
	if err != nil {
		return nil, "is no date of the agreed form " + string(d.layout)
	}
	return t, ""
}
