package recorder

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"milkrun/sync/mask"
	"milkrun/sync/secret"
)

const (
	phone  = "13812345678"
	other1 = "13912345678"
	idCard = "11010119900307881X"
	person = "欧阳测试"
	key    = "S3cr3t/Value+1"
)

func masking() Masking {
	rule, err := mask.Parse("bank_card")
	if err != nil {
		panic(err)
	}
	return Masking{Secrets: []secret.Secret{secret.New(key), secret.New("")}, SecretNames: []string{"accessid"}, Rules: map[string]mask.Rule{"account": rule}}
}

// TestEveryPlaceIsMasked puts what must not be kept into every place of an exchange.
func TestEveryPlaceIsMasked(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	jsonType := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	formType := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, c := range map[string]struct {
		header http.Header
		body   string
		want   string // "" where only hiding matters
	}{
		"named":              {jsonType, `{"data":[{"userPhone":"` + phone + `","user_name":"` + person + `","idCard":"` + idCard + `"}]}`, `{"data":[{"userPhone":"138****5678","user_name":"欧***","idCard":"1***************1X"}]}`},
		"by the job's rule":  {jsonType, `{"r":[{"account":"6222020000000000123"}]}`, `{"r":[{"account":"6222 **** **** **** 123"}]}`},
		"a number":           {jsonType, `{"mobile":` + phone + `}`, `{"mobile":13800005678}`},
		"an unnamed number":  {jsonType, `{"x":` + phone + `}`, `{"x":13800005678}`},
		"in free text":       {jsonType, `{"note":"call ` + phone + ` today"}`, `{"note":"call 138****5678 today"}`},
		"as a key":           {jsonType, `{"` + phone + `":1}`, `{"138****5678":1}`},
		"in a list":          {jsonType, `{"phones":["` + phone + `"]}`, `{"phones":["138****5678"]}`},
		"JSON in a text":     {jsonType, `{"payload":"{\"tel\":\"` + phone + `\"}"}`, `{"payload":"{\"tel\":\"138****5678\"}"}`},
		"base64 of JSON":     {jsonType, `{"payload":"` + b64([]byte(`{"姓名":"`+person+`"}`)) + `"}`, `{"payload":"` + b64([]byte(`{"姓名":"欧***"}`)) + `"}`},
		"hex of text":        {jsonType, `{"payload":"` + hex.EncodeToString([]byte("tel "+phone)) + `"}`, ""},
		"percent":            {jsonType, `{"payload":"` + url.QueryEscape(`{"name":"`+person+`"}`) + `"}`, ""},
		"a secret":           {jsonType, `{"x":"` + key + `","y":"a ` + key + ` b"}`, `{"x":"[secret]","y":"a [secret] b"}`},
		"a secret, escaped":  {jsonType, `{"x":"` + strings.ReplaceAll(key, "/", `\u002f`) + `"}`, `{"x":"[secret]"}`},
		"a secret in base64": {jsonType, `{"x":"` + b64([]byte("user:"+key)) + `"}`, ""},
		"a secret in hex":    {jsonType, `{"x":"` + hex.EncodeToString([]byte(key)) + `"}`, `{"x":"[secret]"}`},
		"a named secret":     {jsonType, `{"accessid":"abc","pwd":"def","pageno":1}`, `{"accessid":"[secret]","pwd":"[secret]","pageno":1}`},
		"what passes":        {jsonType, `{"sign":"abc","nonce":"1","timestamp":1615978623,"data":[{"timestamp":1615978623}]}`, `{"sign":"[volatile]","nonce":"[volatile]","timestamp":"[volatile]","data":[{"timestamp":1615978623}]}`},
		"a token of pages":   {jsonType, `{"nextToken":"18018951","data":[]}`, `{"nextToken":"18018951","data":[]}`},
		"an id like a card":  {jsonType, `{"orderId":642000000005405104,"orderNo":"642000000005405104"}`, `{"orderId":642000000005405104,"orderNo":"642000000005405104"}`},
		"a card":             {jsonType, `{"x":6222020000000000008,"cardNo":"6222020000000000008","id":"` + idCard + `"}`, `{"x":6220000000000000008,"cardNo":"6222 **** **** **** 008","id":"1***************1X"}`},
		"groups":             {jsonType, `{"params":"` + phone + `,` + person + `,4711;` + other1 + `,x,1"}`, `{"params":"138****5678,****,****#2;139****5678,*,*#2"}`},
		"a form":             {formType, url.Values{"sign": {"x"}, "data": {`[{"user_phone":"` + phone + `"}]`}, "appcode": {key}}.Encode(), `{"appcode":"[secret]","data":[{"user_phone":"138****5678"}],"sign":"[volatile]"}`},
		"XML":                {http.Header{"Content-Type": {"text/xml"}}, `<r><userName>` + person + `</userName><a>` + phone + `</a></r>`, ""},
		"text":               {http.Header{"Content-Type": {"text/plain"}}, "姓名：" + person + "，电话：" + phone + " " + key, ""},
		"other text, base64": {http.Header{}, b64([]byte(`{"name":"` + person + `"}`)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := newMasker(masking()).body(c.header, []byte(c.body), true)
			got := body.Text
			if body.tree != nil {
				got = body.tree.compact()
			}
			if c.want != "" && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			clean(t, got)
		})
	}
}

// clean demands that nothing of what must not be kept is in a text, in the forms in which it was put there.
func clean(t *testing.T, text string) {
	t.Helper()
	for _, hidden := range []string{phone, other1, idCard, person, key} {
		for _, form := range []string{hidden, url.QueryEscape(hidden), hex.EncodeToString([]byte(hidden)), base64.StdEncoding.EncodeToString([]byte(hidden))} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
				t.Errorf("%q is in %s", form, text)
			}
		}
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(`",:{}[] `, r) }) {
		if data, err := base64.StdEncoding.DecodeString(word); err == nil && len(word) > 8 {
			for _, hidden := range []string{phone, person, key} {
				if strings.Contains(string(data), hidden) {
					t.Errorf("%q is in the base64 %s", hidden, word)
				}
			}
		}
	}
}

func TestHeadersAndAddressesAreMasked(t *testing.T) {
	m := newMasker(masking())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://p.example/api/users/"+phone+"/"+url.PathEscape(key)+"?mobile="+phone+"&sign=abc&page=2&"+url.QueryEscape(phone)+"=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Authorization":  {"CEA algorithm=HmacSHA256, access-key=" + key + ", signed-date=251121T083015Z, signature=76a9"},
		"X-Api-Key":      {"k"},
		"X-User-Phone":   {phone},
		"Cookie":         {"session=1"},
		"X-Request-Id":   {"9"},
		"Content-Type":   {"application/json"},
		"Content-Length": {"3"},
		"Referer":        {"https://p.example/?tel=" + phone},
	}
	kept := m.request(r, "/api", nil)
	text := string(format(Exchange{Number: 1, Request: kept}))
	clean(t, text)
	for _, want := range []string{"request POST /users/138****5678/[secret]\n", "? mobile=138****5678\n", "? sign=[volatile]\n", "? page=2\n",
		"Authorization: CEA algorithm=HmacSHA256, access-key=[secret], signed-date=[volatile], signature=[volatile]\n",
		"X-Api-Key: [secret]\n", "X-User-Phone: 138****5678\n", "Cookie: [secret]\n", "X-Request-Id: [volatile]\n", "Content-Type: application/json\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Content-Length") {
		t.Error("the length of a body that is not kept as it was is kept")
	}
	for value, want := range map[string]string{"Bearer abc": "Bearer [secret]", "Basic dTpw": "Basic [secret]", "abc": "[secret]", "Digest username=\"u\", nonce=\"x\"": "Digest username=[secret], nonce=[volatile]"} {
		if got := m.authorization(value); got != want {
			t.Errorf("%s: %s", value, got)
		}
	}
}

func TestPseudonymsJoin(t *testing.T) {
	m := newMasker(Masking{})
	one, two := m.leaf("name", "张三", side{}), m.leaf("name", "张四", side{})
	if one != "张*" || two != "张*#2" || m.leaf("owner_name", "张三", side{}) != one || m.leaf("name", "张四", side{}) != two {
		t.Errorf("%s %s", one, two)
	}
	a, b := m.leaf("id", phone, side{}), m.leaf("id", "13800005678", side{})
	if a == b {
		t.Errorf("two phones are both %s", a)
	}
	x, y := m.zeroed("13812345678"), m.zeroed("13887655678")
	if x != "13800005678" || y != "13800025678" || m.zeroed("13812345678") != x {
		t.Errorf("%s %s", x, y)
	}
	if got := m.leaf("name", one, side{}); got != one {
		t.Errorf("masked again: %s", got)
	}
	plain := newComparer()
	if plain.leaf("name", two, side{}) != plain.leaf("name", "张四", side{}) || plain.zeroed(y) != plain.zeroed("13887655678") {
		t.Error("a recorded pseudonym is not compared with the value it stands for")
	}
}

func TestWhatNobodyReadsIsLeftOut(t *testing.T) {
	m := newMasker(Masking{})
	binary := make([]byte, 400)
	for i := range binary {
		binary[i] = byte(i * 7)
	}
	b := m.body(http.Header{"Content-Type": {"application/octet-stream"}}, binary, false)
	if b.Form != Omitted || b.Size != 400 || b.Digest != digest(binary) || b.Text != "" {
		t.Errorf("%+v", b)
	}
	b = m.body(http.Header{}, []byte(`{"cipher":"`+base64.StdEncoding.EncodeToString(binary)+`","page2":"`+base64.StdEncoding.EncodeToString(binary[:40])+`"}`), false)
	if !strings.Contains(b.Text, "[omitted 400 bytes, sha256 "+digest(binary)[:16]) || !strings.Contains(b.Text, base64.StdEncoding.EncodeToString(binary[:40])) {
		t.Error(b.Text)
	}
}
