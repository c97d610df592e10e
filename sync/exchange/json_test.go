package exchange

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"milkrun/sync/transport"
)

func TestMembersAndElements(t *testing.T) {
	var got []string
	for k, v := range Members([]byte(` { "a" : 1 , "b\"{" : [ {"x":"]}"} , "\\" ] ,"c":"" , "d":{},"e":-1.5e3}`)) {
		got = append(got, string(k)+" "+string(v))
	}
	want := []string{`"a" 1`, `"b\"{" [ {"x":"]}"} , "\\" ]`, `"c" ""`, `"d" {}`, `"e" -1.5e3`}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	for _, empty := range []string{"[]", " [ ] ", "{}", "{\n}"} {
		for range Elements([]byte(empty)) {
			t.Errorf("%q has an element", empty)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		bad       bool
	}{
		{`"中文"`, "中文", false},
		{`"a\nb\"\\\/"`, "a\nb\"\\/", false},
		{`"\u4e2d\ud83d\ude00"`, "中\U0001F600", false},
		{`"\ufffd and ` + "\uFFFD" + `"`, "\uFFFD and \uFFFD", false},
		{`""`, "", false},
		{`"\ud83d"`, "", true},
		{`"\ud83d \uFFFD"`, "", true},
		{"\"\xff\"", "", true},
		{`1`, "", true},
		{`null`, "", true},
		{``, "", true},
	} {
		if got, err := Text([]byte(c.raw)); got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %q %v", c.raw, got, err)
		}
	}
}

// FuzzMembers compares with encoding/json.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[{"c":"\"]"}]}`, `[1,"2",{},[],null,true]`, ` { } `, `{"\\":"\\"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) || !utf8.Valid(b) {
			return
		}
		b = bytes.TrimSpace(b)
		switch b[0] {
		case '{':
			var want map[string]json.RawMessage
			if json.Unmarshal(b, &want) != nil {
				return
			}
			got := map[string][]byte{}
			for k, v := range Members(b) {
				var key string
				if err := json.Unmarshal(k, &key); err != nil {
					t.Fatalf("the key %q of %q: %v", k, b, err)
				}
				got[key] = v
			}
			if len(got) != len(want) {
				t.Fatalf("%d members of %q, want %d", len(got), b, len(want))
			}
			for k, v := range want {
				if string(got[k]) != string(v) {
					t.Errorf("%q of %q is %q, want %q", k, b, got[k], v)
				}
			}
		case '[':
			var want []json.RawMessage
			if json.Unmarshal(b, &want) != nil {
				return
			}
			i := 0
			for v := range Elements(b) {
				if i >= len(want) || string(v) != string(want[i]) {
					t.Fatalf("element %d of %q is %q", i, b, v)
				}
				i++
			}
			if i != len(want) {
				t.Errorf("%d elements of %q, want %d", i, b, len(want))
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"code":0,"accepted":1,"rejected":[]}`, `{"code":"200"}`, ``, `<html>`, `{"code":0,"code":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := NewConnection().(*Connection)
		a, err := c.read(transport.Call{Op: "op"}, transport.Response{Body: body})
		if err == nil {
			var plain struct{ Code any }
			if json.Unmarshal(body, &plain) != nil {
				t.Errorf("%q is no JSON object and was taken for success", body)
			}
			if code, ok := numeral(a.Field("code")); !ok || code != "0" {
				t.Errorf("%q was taken for success", body)
			}
		}
	})
}
