package caih

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

type vectors struct {
	Password []struct{ Token, Timestamp, Password string }
	Params   []struct {
		Rows                [][]string
		Vars                int
		Policy, Wire, Error string
	} `json:"params_encode"`
	Codes []struct {
		Code, Class, Pause string
		Retry              bool `json:"retry_once_with_fresh_timestamp"`
		Bisect             bool
	} `json:"return_codes"`
	Contradiction struct {
		Body map[string]string
	} `json:"failure_sample_contradiction"`
	Push []struct {
		Body, Change map[string]string
		Token, Clock string
		HTTP         int
		Effect       string
		Repeat       bool
	} `json:"status_push"`
	Signature []struct {
		S    string
		OK   bool
		Warn string
	}
	Extend []struct {
		S  string
		OK bool
	}
	ContentLen []struct {
		N  int
		OK bool
	} `json:"content_len"`
	Timestamp struct {
		Cases []struct {
			TS, Now string
			OK      bool
		}
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/caih.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

const testToken = "0123456789abcdef0123456789abcdef"

func newTestConnection(t testing.TB, more map[string]any) *connection {
	t.Helper()
	c := NewConnection()
	settingtest.Fill(t, c, map[string]any{"url": "https://sms.example.com", "account": secret.New("sandbox-account"), "appid": secret.New("sandbox-appid"),
		"token": secret.New(testToken)})
	settingtest.Fill(t, c, more)
	if p := c.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	return c.(*connection)
}

// notices are the settings of a sink with one variable.
func notices() map[string]any {
	return map[string]any{"resource": "varsms", "kind": "通知", "signature": "东信在线", "content": "您好{$var}，您的申请已受理。", "params": []any{"name"}}
}

func plain() map[string]any {
	return map[string]any{"resource": "sendsms", "kind": "通知", "signature": "东信在线", "content": "今晚系统维护，请提前办理业务。"}
}

func newTestSettings(t testing.TB, c *connection, keys map[string]any) *settings {
	t.Helper()
	s := NewSink(c)
	settingtest.Fill(t, s, keys)
	for _, p := range s.Validate() {
		if !p.Advice {
			t.Fatal(p)
		}
	}
	return s.(*settings)
}

func open(t testing.TB, c *connection, keys map[string]any, rt http.RoundTripper, l kind.Ledger) *sink {
	t.Helper()
	opened, err := newTestSettings(t, c, keys).Open(t.Context(), kind.Env{Job: "sms", Connection: "dx", Location: shanghai(), RoundTripper: rt, Ledger: l})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*sink)
}

func people2(rows ...[]string) feed.Batch {
	b := feed.Batch{Columns: feed.TextColumns("phone", "name")}
	for _, r := range rows {
		b.Values = append(b.Values, r[0], r[1])
	}
	return b
}

// book is a ledger in memory.
type book struct {
	mu    sync.Mutex
	used  map[string]int
	noted map[string][]kind.Addressee
}

func newBook() *book { return &book{used: map[string]int{}, noted: map[string][]kind.Addressee{}} }

func (b *book) Take(_ context.Context, day string, n, most int) (left int, taken bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used[day]+n > most {
		return most - b.used[day], false, nil
	}
	b.used[day] += n
	return most - b.used[day], true, nil
}

func (b *book) GiveBack(_ context.Context, day string, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[day] -= n
	return nil
}

func (b *book) Used(_ context.Context, day string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used[day], nil
}

func (b *book) Note(_ context.Context, batch string, list []kind.Addressee) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted[batch] = list
	return nil
}

// replies answers every request alike, and counts them.
func replies(status int, body string, calls *int) answertest.RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		*calls++
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		return answertest.Reply(status, body), nil
	}
}

func phone(i int) string { return fmt.Sprintf("138%08d", i) }

func clockAt(t testing.TB, stamp string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(stampLayout, stamp, shanghai())
	if err != nil {
		t.Fatal(err)
	}
	return at
}
