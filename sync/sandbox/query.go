package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// strictJSON decodes one JSON value into v and refuses fields that v does not know and anything behind the value.
func strictJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// exchangeQuery is a pull by page or, when Cursor is there, by cursor.
type exchangeQuery struct {
	Page     *int    `json:"page"`
	PageSize *int    `json:"page_size"`
	Cursor   *string `json:"cursor"`
	Limit    *int    `json:"limit"`
}

// window returns where the records asked for begin, and how many there are to be.
func (q *exchangeQuery) window() (from, n int, err error) {
	size := q.PageSize
	switch {
	case q.Cursor != nil && q.Limit != nil && q.Page == nil && q.PageSize == nil:
		if from, err = cursorOffset(*q.Cursor); err != nil {
			return 0, 0, err
		}
		size = q.Limit
	case q.Page != nil && q.PageSize != nil && q.Cursor == nil && q.Limit == nil:
		if *q.Page < 1 {
			return 0, 0, errors.New("page counts from 1")
		}
	default:
		return 0, 0, errors.New("a query has page and page_size, or cursor and limit")
	}
	if *size < 1 || *size > MaxExchangePage {
		return 0, 0, fmt.Errorf("page_size and limit are 1 to %d", MaxExchangePage)
	}
	if q.Page != nil {
		from = (min(*q.Page, 1<<40) - 1) * *size
	}
	return from, *size, nil
}

func cursorOffset(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(cursor, "after-")
	n, err := strconv.ParseUint(digits, 10, 40)
	if !ok || err != nil {
		return 0, errors.New("the cursor is none of ours")
	}
	return int(n), nil
}

func (e *Exchange) query(w http.ResponseWriter, resource string, body []byte) {
	var q exchangeQuery
	if err := strictJSON(body, &q); err != nil {
		e.refuse(w, 400, "malformed query: %v", err)
		return
	}
	from, n, err := q.window()
	if err != nil {
		e.refuse(w, 400, "%v", err)
		return
	}
	records, total := e.slice(resource, from, n)
	list, _ := json.Marshal(records)
	answer := fmt.Appendf(nil, `{"code":0,"message":"ok","total":%d,"records":%s}`, total, list)
	if q.Cursor != nil {
		end := from + len(records)
		answer = fmt.Appendf(nil, `{"code":0,"message":"ok","records":%s,"next_cursor":"after-%d","has_more":%t}`,
			list, end, end < total)
	}
	writeJSON(w, http.StatusOK, answer)
}

// slice returns a part of the records of a resource and how many there are.
func (e *Exchange) slice(resource string, from, n int) (part []json.RawMessage, total int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Queries++
	all, ok := e.serving[resource]
	if !ok {
		received := e.received[resource]
		for _, key := range slices.Sorted(maps.Keys(received)) {
			all = append(all, received[key])
		}
	}
	part = make([]json.RawMessage, 0, n)
	if from < len(all) {
		part = append(part, all[from:min(from+n, len(all))]...)
	}
	return part, len(all)
}
