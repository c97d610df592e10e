package caih

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
)

// mailbox is an inbox in memory.
type mailbox struct {
	got     []kind.Report
	refused []string
	err     error
}

func (m *mailbox) Report(_ context.Context, r kind.Report) error {
	if m.err == nil {
		m.got = append(m.got, r)
	}
	return m.err
}

func (m *mailbox) Refused(_ context.Context, from, why string) {
	m.refused = append(m.refused, from+" "+why)
}

func push(h http.Handler, method, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/caih/report", strings.NewReader(body)))
	return w
}

// until lets the clock of a bubble run to a time.
func until(at time.Time) { time.Sleep(time.Until(at)) }

func TestReportVectors(t *testing.T) {
	v := readVectors(t)
	first := v.Push[0]
	c := newTestConnection(t, map[string]any{"token": secret.New(first.Token), "account": secret.New(first.Body["account"]), "appid": secret.New(first.Body["appId"])})
	for _, p := range v.Push {
		synctest.Test(t, func(t *testing.T) {
			until(clockAt(t, first.Clock))
			box := &mailbox{}
			body := maps.Clone(first.Body)
			maps.Copy(body, p.Change)
			text, _ := json.Marshal(body)
			w := push(c.Receive(box), http.MethodPost, string(text))
			if w.Code != p.HTTP || p.HTTP == 200 && w.Body.Len() > 0 {
				t.Errorf("%s: %d %q", p.Effect, w.Code, w.Body)
			}
			if p.HTTP == 401 && (len(box.refused) != 1 || len(box.got) > 0 || !strings.Contains(box.refused[0], "wrong password")) {
				t.Errorf("%+v", box)
			}
			if p.HTTP == 200 {
				got := box.got[0]
				if got.Ref != body["msgid"] || got.Batch != "1234" || got.Delivered != (body["status"] == "SUCCESS") || got.Code != body["desc"] ||
					got.Shown != "138****8000" || got.Person != newPeople(c.token).digest("13800138000") {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func TestReportClock(t *testing.T) {
	for _, v := range readVectors(t).Timestamp.Cases {
		synctest.Test(t, func(t *testing.T) {
			until(clockAt(t, v.Now))
			box := &mailbox{}
			body := sandbox.NewCaih(sandbox.CaihOptions{}).ReportBody(sandbox.CaihMessage{Phone: phone(1), MsgID: "m"}, "SUCCESS", "DELIVRD", clockAt(t, v.TS))
			w := push(newTestConnection(t, nil).Receive(box), http.MethodPost, string(body))
			if (w.Code == 200) != v.OK || (w.Code == 401) == v.OK {
				t.Errorf("%s at %s: %d", v.TS, v.Now, w.Code)
			}
		})
	}
}

func TestBadReports(t *testing.T) {
	box := &mailbox{}
	h := newTestConnection(t, nil).Receive(box)
	good := string(sandbox.NewCaih(sandbox.CaihOptions{}).ReportBody(sandbox.CaihMessage{Phone: phone(1), MsgID: "m"}, "SUCCESS", "DELIVRD", time.Now()))
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(good, old, with, 1)
	}
	for body, want := range map[string]int{
		good: 200, "": 400, "[]": 400, "{": 400, `{"account":{}}`: 400, strings.Repeat("x", maxReport+1): 413,
		change("SUCCESS", "MAYBE"): 400, change(`"msgid":"m"`, `"msgid":""`): 400, change(phone(1), ""): 400,
		change("sandbox-account", "other"): 401, change("sandbox-appid", "other"): 401,
	} {
		if w := push(h, http.MethodPost, body); w.Code != want || strings.Contains(w.Body.String(), phone(1)) {
			t.Errorf("%.80s: %d, want %d", body, w.Code, want)
		}
	}
	if w := push(h, http.MethodGet, ""); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
	box.err = errors.New("the disk is full")
	if w := push(h, http.MethodPost, good); w.Code != 503 {
		t.Errorf("not kept: %d", w.Code)
	}
	if len(box.got) != 1 || len(box.refused) != 2 {
		t.Errorf("%+v", box)
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"account":"sandbox-account","reporttime":"2026-01-01 00:00:00","status":"SUCCESS","phone":"1","msgid":"m"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := readNotice(body)
		if err != nil {
			return
		}
		r, err := n.report(newPeople(secret.New("x")))
		if err == nil && (r.Ref == "" && r.Batch == "" || r.At.IsZero() || len(r.Person) != 32) {
			t.Errorf("%q becomes %+v", body, r)
		}
	})
}
