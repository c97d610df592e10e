package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kst is the zone of Coupang's times that have none.
func kst() *time.Location { return time.FixedZone("KST", 9*60*60) }

// coupangEpoch is when the made-up shop opened.
func coupangEpoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, kst()) }

// coupangCall is one call to one interface, let in.
type coupangCall struct {
	*Coupang
	version string // v4, v5, …
	id      string
	query   url.Values
}

// modern says that amounts are objects and times have an offset.
func (q coupangCall) modern() bool { return q.version == "v5" || q.version == "v6" }

// money is an amount in won.
func (q coupangCall) money(won int64) any {
	if q.modern() {
		return jsonMap{"currencyCode": "KRW", "units": won, "nanos": 0}
	}
	return won
}

func (q coupangCall) time(t time.Time) string {
	if q.modern() {
		return t.In(kst()).Format("2006-01-02T15:04:05.000000-07:00")
	}
	return t.In(kst()).Format("2006-01-02T15:04:05")
}

// window reads the bounds of a call in one of the forms, and refuses more than the span. Days belong to it as a whole.
func (q coupangCall) window(from, to string, span time.Duration, tooLong string, forms ...string) (a, b time.Time, err error) {
	first, days, err := q.bound(from, forms)
	if err != nil {
		return a, b, err
	}
	last, _, err := q.bound(to, forms)
	switch {
	case err != nil:
		return a, b, err
	case last.Before(first):
		return a, b, fmt.Errorf("%s must be later than %s", to, from)
	case last.Sub(first) > span:
		return a, b, errors.New(tooLong)
	}
	if days {
		last = last.AddDate(0, 0, 1)
	}
	return first, last, nil
}

func (q coupangCall) bound(name string, forms []string) (t time.Time, day bool, err error) {
	text := q.query.Get(name)
	if text == "" {
		return t, false, fmt.Errorf("%s can't be null", name)
	}
	for _, form := range forms {
		for _, zone := range []string{"", "-07:00"} {
			if t, err = time.ParseInLocation(form+zone, text, kst()); err == nil {
				return t, !strings.Contains(form, "15"), nil
			}
		}
	}
	return t, false, fmt.Errorf("%s has a wrong format: %q", name, text)
}

// size reads the size of a page.
func (q coupangCall) size(name string, usual, most int) (int, error) {
	text := q.query.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s must be 1 to %d", name, most)
	}
	return n, nil
}

// cut returns the part of a list behind the token, and the token behind it.
func (q coupangCall) cut(list []jsonMap, token string, size int) ([]jsonMap, string, error) {
	from := 0
	if text := q.query.Get(token); text != "" && text != "1" {
		n, err := strconv.Atoi(text)
		if err != nil || n < tokenBase || n > tokenBase+len(list) {
			return nil, "", fmt.Errorf("%s is invalid", token)
		}
		from = n - tokenBase
	}
	to := min(from+size, len(list))
	if to == len(list) {
		return list[from:to], "", nil
	}
	return list[from:to], strconv.Itoa(tokenBase + to), nil
}

// tokenBase keeps tokens from looking like page numbers.
const tokenBase = 448_537_000

// counted returns a page of a list that is counted from first, with what the interface says about it.
func (q coupangCall) counted(list []jsonMap, page, size string, first, usual, most int) ([]jsonMap, jsonMap, error) {
	n, err := q.size(size, usual, most)
	if err != nil {
		return nil, nil, err
	}
	number := first
	if text := q.query.Get(page); text != "" {
		if number, err = strconv.Atoi(text); err != nil || number < first {
			return nil, nil, fmt.Errorf("%s must be %d or more", page, first)
		}
	}
	from := min((number-first)*n, len(list))
	return list[from:min(from+n, len(list))], jsonMap{"currentPage": number, "countPerPage": n, "totalElements": len(list), "totalPages": (len(list) + n - 1) / n}, nil
}

// oneOf refuses a parameter that is none of a few words.
func (q coupangCall) oneOf(name string, words ...string) error {
	if text := q.query.Get(name); !slices.Contains(words, text) {
		return fmt.Errorf("%s is invalid: %q", name, text)
	}
	return nil
}

// answerer makes the body of an answer; an error is HTTP 400.
type answerer func(q coupangCall) (any, error)

// route serves an interface. A path that names another vendor is HTTP 404, as at Coupang.
func (c *Coupang) route(pattern string, versions []string, make answerer) {
	c.mux.HandleFunc("GET /v2/providers"+pattern, func(w http.ResponseWriter, r *http.Request) {
		q := coupangCall{Coupang: c, version: r.PathValue("version"), id: r.PathValue("id"), query: r.URL.Query()}
		vendor := or(r.PathValue("vendor"), c.opts.VendorID)
		if asked := q.query.Get("vendorId"); asked != "" {
			vendor = asked
		}
		if vendor != c.opts.VendorID || q.version != "" && !slices.Contains(versions, q.version) {
			c.refused(http.StatusNotFound)
			c.send(w, http.StatusNotFound, jsonMap{"code": "ERROR", "message": "Not Found"})
			return
		}
		body, err := make(q)
		if err != nil {
			c.refused(http.StatusBadRequest)
			c.send(w, http.StatusBadRequest, jsonMap{"code": http.StatusBadRequest, "message": err.Error()})
			return
		}
		c.send(w, http.StatusOK, body)
	})
}

// listed wraps a list as most interfaces do.
func listed(list []jsonMap, token string) jsonMap {
	return jsonMap{"code": 200, "message": "OK", "data": nonNil(list), "nextToken": token}
}

func nonNil(list []jsonMap) []jsonMap {
	if list == nil {
		return []jsonMap{}
	}
	return list
}
