package coupang

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/feed"
)

// object is a JSON object. Its numbers are json.Number: an id has up to 19 digits, and a float64 would round it.
type object = map[string]any

// seoul is the zone of times without one, all year: KST has had no summer time since 1988.
func seoul() *time.Location { return time.FixedZone("KST", 9*60*60) }

// value turns what a field holds into the values of its columns, one or, of an amount, three.
func (f field) value(v any) ([]feed.Value, error) {
	if v == nil {
		return make([]feed.Value, len(f.columns(""))), nil
	}
	if f.form == amount {
		units, nanos, currency, err := money64(v)
		return []feed.Value{units, nanos, currency}, err
	}
	one, err := f.single(v)
	return []feed.Value{one}, err
}

func (f field) single(v any) (feed.Value, error) {
	switch f.form {
	case whole64:
		return integer(v)
	case truth:
		return boolean(v)
	case fraction:
		return decimal(v)
	case moment:
		return instant(v)
	case structure:
		return compact(v)
	}
	return plain(v)
}

// plain is a text, or what stands for one.
func plain(v any) (feed.Value, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return compact(v)
}

func integer(v any) (feed.Value, error) {
	s, ok := numeral(v)
	if v == nil || s == "" && ok {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if !ok || err != nil {
		return nil, errors.New("is no whole number of 64 bits")
	}
	return n, nil
}

// numeral is the text of a number, which some interfaces write as a text.
func numeral(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), true
	case string:
		return strings.TrimSpace(v), true
	}
	return "", false
}

func boolean(v any) (feed.Value, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(v) {
		case "":
			return nil, nil
		case "true", "y":
			return true, nil
		case "false", "n":
			return false, nil
		}
	}
	return nil, errors.New("is neither true nor false")
}

func decimal(v any) (feed.Value, error) {
	s, ok := numeral(v)
	if s == "" && ok {
		return nil, nil
	}
	if _, err := strconv.ParseFloat(s, 64); !ok || err != nil {
		return nil, errors.New("is no number")
	}
	return s, nil
}

// compact is a value as JSON, its names sorted.
func compact(v any) (feed.Value, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// instant reads the forms of a time: with an offset (v5 and v6), without one in Korea (v4), milliseconds since 1970
// (Rocket Growth, as a text).
func instant(v any) (feed.Value, error) {
	s, ok := numeral(v)
	if !ok {
		return nil, errors.New("is no time")
	}
	if s == "" {
		return nil, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < 0 || n > 253402300799999 { // the year 9999
			return nil, errors.New("is no time")
		}
		return time.UnixMilli(n).In(seoul()), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, s, seoul()); err == nil {
			return t, nil
		}
	}
	return nil, errors.New("is no time")
}

const billion = 1_000_000_000

// money64 reads an amount: {currencyCode, units, nanos} (v5 and v6), or a plain number (v4), which has no currency.
func money64(v any) (units, nanos, currency feed.Value, err error) {
	m, ok := v.(object)
	if !ok {
		units, nanos, err = scalar(v)
		return units, nanos, nil, err
	}
	if units, err = integer(m["units"]); err == nil {
		nanos, err = integer(m["nanos"])
	}
	if err != nil || units == nil {
		return nil, nil, nil, errors.New("is no amount")
	}
	u, _ := units.(int64)
	n, _ := nanos.(int64) // none is 0
	if n <= -billion || n >= billion || u > 0 && n < 0 || u < 0 && n > 0 {
		return nil, nil, nil, errors.New("is no amount: units and nanos do not go together")
	}
	if code, _ := m["currencyCode"].(string); code != "" {
		currency = code
	}
	return u, n, currency, nil
}

// scalar splits a plain decimal number.
func scalar(v any) (units, nanos feed.Value, err error) {
	s, ok := numeral(v)
	if ok && s == "" {
		return nil, nil, nil
	}
	if !ok || strings.ContainsAny(s, "eE") {
		return exponent(s, ok)
	}
	head, tail, _ := strings.Cut(s, ".")
	negative := strings.HasPrefix(head, "-")
	u, err := strconv.ParseInt(head, 10, 64)
	if err != nil || len(tail) > 9 && strings.Trim(tail[9:], "0") != "" {
		return nil, nil, errors.New("is no amount")
	}
	n, err := strconv.ParseUint((tail + "000000000")[:9], 10, 32)
	if err != nil {
		return nil, nil, errors.New("is no amount")
	}
	if negative {
		return u, -int64(n), nil
	}
	return u, int64(n), nil
}

// exponent reads a whole number that is written with an exponent, as 1.99E4.
func exponent(s string, ok bool) (units, nanos feed.Value, err error) {
	f, err := strconv.ParseFloat(s, 64)
	if !ok || err != nil || math.Abs(f) > 1<<53 || f != math.Trunc(f) {
		return nil, nil, errors.New("is no amount")
	}
	return int64(f), int64(0), nil
}
