package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// read reads a whole document as somebody would who wants nothing of it, and returns its texts and numbers in order.
func read(body []byte) (list []string, clean bool, err error) {
	s := New(body)
	clean = true
	var walk func()
	walk = func() {
		switch c := s.Peek(); c {
		case '{', '[':
			for ok := s.Open(c); ok; ok = s.More(c + 2) {
				if c == '{' {
					list = append(list, s.Key())
				}
				walk()
			}
		default:
			v, f := s.Value()
			clean = clean && f != Broken
			if f == Text || f == Broken || f == Number {
				list = append(list, v)
			}
		}
	}
	walk()
	s.End()
	return list, clean, s.Err
}

// skip reads a document with Value alone.
func skip(body []byte) error {
	s := New(body)
	s.Value()
	s.End()
	return s.Err
}

// byLibrary is read by encoding/json.
func byLibrary(t *testing.T, body []byte) (list []string) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%q is valid, but %v", body, err)
		}
		switch v := token.(type) {
		case string:
			list = append(list, v)
		case json.Number:
			list = append(list, string(v))
		}
	}
}

// depth is how deep valid JSON is nested.
func depth(body []byte) (deepest int) {
	now, inside := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{', c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}', c == ']':
			now--
		}
	}
	return deepest
}

// FuzzScanner compares with encoding/json: the same documents, the same texts and numbers.
func FuzzScanner(f *testing.F) {
	for _, s := range documents() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		list, clean, err := read(body)
		if skipped := skip(body); (skipped == nil) != (err == nil) {
			t.Fatalf("%q: read with %v, skipped with %v", body, err, skipped)
		}
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if valid := json.Valid(body) && depth(body) <= MaxDepth; valid != (err == nil) {
			t.Fatalf("%q: valid is %v, but %v", body, valid, err)
		}
		if err != nil {
			return
		}
		want := byLibrary(t, body)
		if strings.Join(list, "|") != strings.Join(want, "|") {
			t.Fatalf("%q: %q, want %q", body, list, want)
		}
		if utf8.Valid(body) && !bytes.Contains(body, []byte(`\u`)) && !clean {
			t.Fatalf("%q: valid text is called broken", body)
		}
	})
}

func documents() []string {
	return []string{
		``, ` `, `{}`, `[]`, ` [ ] `, `{"a":1}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`,
		`0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5e+10`, `1e`, `1E-`, `+1`, `-12.50E03`, `0x1`, `1_000`, `NaN`,
		`true`, `tru`, `truex`, `false`, `null`, `nul`, `"`, `""`, `"a`, `"\`, `"\"`, `"\""`, `"a\nb\\c\/d\b\f\r\t"`, `"\x"`,
		"\"\x01\"", "\"\x7f\"", "\"a\nb\"", "\"12345678\x1f\"", `"12345678\n12345678"`, "\"\xff\"", "\"ab\xe5\x8f\"", "\"\\n\xff\"", "{\"\xff\":1}",
		`"\u4e2d"`, `"\u4E2D文"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`,
		`"\u12"`, `"\u12`, `"\u00g0"`, `"\ud83d\u"`, `"\ufffd"`, "\"\ufffd\"", `"\u0000"`,
		`1 2`, `{} x`, "{}\x00", "\x00", "\ufeff{}", `[1 2]`, `{"a":1 "b":2}`, `{"a" 1}`, `]`, `}`, `[}`, `{]`, `[[[]]`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
		strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70),
		`{"msg":"获取企业诚信等级成功","result":"1","data":{"count":"3","companyList":[{"uniscId":"911400001100123440","enterpriseName":"丙"}]}}`,
	}
}

func TestErrors(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1,}`:                     `byte 7: wanted a text in quotes`,
		`{"a":[1,2}`:                   `byte 9: wanted a comma or ]`,
		`{"a" 1}`:                      `byte 5: wanted a colon`,
		`[1.x]`:                        `byte 3: wanted a digit`,
		`["\q"]`:                       `byte 3: wanted an escape`,
		`["\u00zz"]`:                   `byte 4: wanted four hexadecimal digits`,
		"[\"a\tb\"]":                   `byte 3: wanted no control character inside a text`,
		`{} {}`:                        `byte 3: wanted the end`,
		`[tru]`:                        `byte 1: wanted true`,
		strings.Repeat("[", 65) + "]]": `byte 64: wanted nothing nested deeper than 64`,
	} {
		_, _, err := read([]byte(body))
		if err == nil || err.Error() != want || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

// TestCut cuts a document at every byte: each time it must be clear that it was cut.
func TestCut(t *testing.T) {
	body := `{"msg":"获\u83b7\ud83d\ude00\n","result":-1.5e+1,"data":{"list":[{"a":true},{"b":null}, false]}}`
	for i := range body {
		if _, _, err := read([]byte(body[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", body[:i], err)
		}
	}
}

func TestForms(t *testing.T) {
	for body, want := range map[string]Form{
		`"a"`: Text, `""`: Text, `"\u4e2d"`: Text, "\"\xff\"": Broken, `"\ud800"`: Broken, "\"\\n\xff\"": Broken, `"\ufffd"`: Text,
		`1`: Number, `-1.0e5`: Number, `true`: Boolean, `false`: Boolean, `null`: Null, `[1]`: Container, `{"a":{}}`: Container,
	} {
		s := New([]byte(body))
		if _, f := s.Value(); f != want || s.Err != nil {
			t.Errorf("%s is %v, %v; want %v", body, f, s.Err, want)
		}
	}
}
