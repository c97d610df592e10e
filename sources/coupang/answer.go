package coupang

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// answer is what a call brought: records, and where the list goes on.
type answer struct {
	records []object
	token   string // of the next page, "" at the end
	pages   int    // how many there are, as far as it says; else 0
	bytes   int
}

// decode reads one JSON value without rounding a number.
func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

// read judges the body of a 2xx answer and takes its records out. Nothing but a code known as success is success.
func (s *stream) read(call transport.Call, r transport.Response) (answer, error) {
	v, err := decode(r.Body)
	if err != nil {
		return answer{}, call.Unreadable(r, err)
	}
	v = unwrap(v)
	if e := s.failure(call, v); e != nil {
		return answer{}, e
	}
	a := answer{bytes: len(r.Body)}
	list, found := at(v, s.list)
	if !found {
		return answer{}, call.Unreadable(r, fmt.Errorf("there is no %s in it", s.list))
	}
	if a.records, err = records(list, s.tree); err != nil {
		return answer{}, call.Unreadable(r, err)
	}
	if o, ok := v.(object); ok {
		a.token, a.pages = nextOf(o), pagesOf(o)
	}
	return a, nil
}

// unwrap takes the inner envelope of old answers, which stand in another one (C6).
func unwrap(v any) any {
	outer, _ := v.(object)
	inner, ok := outer["data"].(object)
	if !ok {
		return v
	}
	_, code := inner["code"]
	if _, data := inner["data"]; code && data && succeeded(outer["code"]) {
		return inner
	}
	return v
}

// failure says what is wrong with an answer, nil for a good one.
func (s *stream) failure(call transport.Call, v any) *feed.Error {
	o, isObject := v.(object)
	code, coded := o["code"]
	switch {
	case !coded && s.family == bare:
		return nil
	case !isObject:
		return call.Unreadable(transport.Response{Body: []byte("[]")}, errors.New("it is no object"))
	case !coded:
		return s.refused(call, "code missing", "the answer has no code", o)
	case !succeeded(code):
		return s.refused(call, "code "+shown(call, code), "the answer has the code "+shown(call, code), o)
	case s.family == coupons:
		data, _ := o["data"].(object)
		if ok, _ := data["success"].(bool); !ok {
			return s.refused(call, "success false", "data.success is not true", o)
		}
	}
	return nil
}

// refused ends the run: a code other than success is as a rule a fault of what was asked, or of the data at Coupang, which
// another try within the same run does not mend.
func (s *stream) refused(call transport.Call, code, text string, o object) *feed.Error {
	if m := message(call, o); m != "" {
		text += ": " + m
	}
	return feed.Errorf(feed.Fail, code, "%s: %s", call.Op, text).
		WithRemedy("the next run tries it again; if it goes on, ask Coupang what it means, with the time of the call")
}

// succeeded knows the codes of success: 200, "200" and "SUCCESS".
func succeeded(code any) bool {
	s, _ := numeral(code)
	return s == "200" || s == "SUCCESS"
}

func shown(call transport.Call, v any) string {
	s, _ := plain(v)
	text, _ := s.(string)
	return transport.Code(text, call.Secrets...)
}

// message is what the answer says, fit to be shown.
func message(call transport.Call, o object) string {
	for _, name := range []string{"message", "errorMessage"} {
		if text, _ := o[name].(string); text != "" {
			return transport.Said(text, call.Secrets...)
		}
	}
	return ""
}

// at returns what stands at a dotted path, and whether its last name is there at all; "" is the value itself.
func at(v any, path string) (any, bool) {
	if path == "" {
		return v, true
	}
	for name := range strings.SplitSeq(path, ".") {
		o, ok := v.(object)
		if !ok {
			return nil, v == nil
		}
		if v, ok = o[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// records are the objects of a list, one object alone, or a bare value as the record {"value": …}.
func records(v any, tree string) ([]object, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case object:
		return flatten([]object{v}, tree), nil
	case []any:
		list := make([]object, 0, len(v))
		for i, e := range v {
			o, ok := e.(object)
			if !ok {
				return nil, fmt.Errorf("record %d is no object", i+1)
			}
			list = append(list, o)
		}
		return flatten(list, tree), nil
	}
	return []object{{"value": v}}, nil
}

// flatten puts the children of a tree behind their parent, each with its parent's code.
func flatten(list []object, tree string) []object {
	if tree == "" {
		return list
	}
	var flat []object
	for _, o := range list {
		flat = append(flat, o)
		children, _ := o[tree].([]any)
		delete(o, tree)
		for _, c := range children {
			if child, ok := c.(object); ok {
				child["parentCode"] = o["displayItemCategoryCode"]
				flat = append(flat, flatten([]object{child}, tree)...)
			}
		}
	}
	return flat
}

// nextOf is the token of the next page, which some interfaces write as a number, and the withdrawals call otherwise.
func nextOf(o object) string {
	if more, said := o["hasNext"].(bool); said && !more {
		return ""
	}
	for _, name := range []string{"nextToken", "nextPageIndex"} {
		if v, ok := o[name]; ok {
			s, _ := numeral(v)
			return s
		}
	}
	return ""
}

// pagesOf is the number of pages, 0 when the answer does not say.
func pagesOf(o object) int {
	for _, path := range []string{"data.pagination", "pagination"} {
		p, _ := at(o, path)
		pagination, ok := p.(object)
		if !ok {
			continue
		}
		if n, err := integer(pagination["totalPages"]); err == nil {
			if pages, ok := n.(int64); ok {
				return int(pages)
			}
		}
	}
	return 0
}
