package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// call sends a POST through Transport.
func call(t testing.TB, h http.Handler, url, contentType, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(h, req)
}

func do(h http.Handler, req *http.Request) reply {
	resp, err := (&http.Client{Transport: Transport(h)}).Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err}
}

func jsonText(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func parse(t testing.TB, text string, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
}

type vectorFile struct {
	USCC struct {
		Valid           []string          `json:"valid"`
		WrongCheckDigit map[string]string `json:"wrong_check_digit"`
		Regex           string            `json:"regex"`
	} `json:"uscc"`
	BusipushSign []struct {
		ID        string            `json:"id"`
		Params    map[string]string `json:"params"`
		AppSecret string            `json:"appsecret"`
		Sign      string            `json:"sign"`
	} `json:"busipush_sign"`
	CreateDate string `json:"create_date"`
}

func vectors(t testing.TB) (v vectorFile) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	parse(t, string(b), &v)
	return v
}
