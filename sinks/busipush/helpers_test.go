package busipush

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

const (
	testApp    = "app_demo_001"
	testModule = "mod_wufang_01"
	testSecret = "0123456789abcdef0123456789abcdef"
)

type vectors struct {
	Sign []struct {
		ID, AppSecret string
		Params        map[string]string
		Pairs         string `json:"string_to_sign_pairs_sorted"`
		Keys          string `json:"string_to_sign_keys_sorted"`
		Sign          string
		SignKeys      string `json:"sign_if_keys_sorted"`
	}
	Responses []struct{ Body, Result string } `json:"response_parse"`
	URLs      []string                        `json:"request_url_forms"`
	Limits    struct {
		MaxRecords int `json:"max_records"`
	} `json:"record_limits"`
	CreateDate struct {
		Wire     string
		GoLayout string `json:"go_layout"`
		TZ       string
		Wrong    string `json:"wrong_if_hh_taken_literally"`
	} `json:"create_date"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/busipush.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func testConnection(t testing.TB, more map[string]any) *connection {
	t.Helper()
	c := NewConnection()
	settingtest.Fill(t, c, map[string]any{"url": "https://open.example.gov.cn/", "appcode": secret.New(testApp),
		"modulecode": secret.New(testModule), "appsecret": secret.New(testSecret)})
	settingtest.Fill(t, c, more)
	if p := c.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	return c.(*connection)
}

// replies answers every request alike, reading it first.
func replies(status int, body string) answertest.RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		return answertest.Reply(status, body), nil
	}
}

func open(t testing.TB, rt http.RoundTripper, keys map[string]any) *sink {
	t.Helper()
	return openOn(t, testConnection(t, nil), rt, keys)
}

func openOn(t testing.TB, c kind.Connection, rt http.RoundTripper, keys map[string]any) *sink {
	t.Helper()
	s := NewSink(c)
	settingtest.Fill(t, s, keys)
	if p := s.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	opened, err := s.Open(t.Context(), kind.Env{Connection: "jinlaiban", Location: shanghai(), RoundTripper: rt})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*sink)
}

// captured is one request as a server sees it.
type captured struct {
	url, contentType string
	form             url.Values
	records          []map[string]string
}

// capture records every request and answers 200.
func capture(t *testing.T, into *[]captured) answertest.RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if int64(len(b)) != r.ContentLength {
			t.Errorf("Content-Length %d of a body of %d bytes", r.ContentLength, len(b))
		}
		c := captured{url: r.Method + " " + r.URL.RequestURI(), contentType: r.Header.Get("Content-Type")}
		if c.form, err = url.ParseQuery(string(b)); err != nil {
			t.Errorf("the form cannot be parsed: %v", err)
		}
		if err := json.Unmarshal([]byte(c.form.Get("data")), &c.records); err != nil {
			t.Errorf("data is no JSON list of texts: %v\n%s", err, c.form.Get("data"))
		}
		*into = append(*into, c)
		return answertest.Reply(200, `{"state":"200","msg":"提交成功"}`), nil
	}
}

func allColumns() *feed.Columns {
	names := fieldNames()
	return feed.TextColumns(names[:]...)
}

func batchOf(rows ...[]feed.Value) feed.Batch {
	b := feed.Batch{Columns: allColumns()}
	for _, r := range rows {
		b.Values = append(b.Values, r...)
	}
	return b
}

func goodRow(id string) []feed.Value {
	return []feed.Value{id, "u-1", "137*****381", "张*", "物防验收", "提交材料", "2021-03-17 18:57:03"}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
