package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"milkrun/sync/alert"
)

// webhook posts events as JSON to any HTTP server, which takes them by answering 2xx.
type webhook struct{ post }

func newWebhook() Channel {
	w := &webhook{newPost("webhook")}
	w.bound("")
	w.urlEn, w.urlZh = "address that takes the events as a JSON POST", "以 JSON POST 接收告警的地址"
	w.signEn = "key of the signature in the header " + signatureHeader + "; none: not signed"
	w.signZh = "请求头 " + signatureHeader + " 的签名密钥；不填则不签名"
	return w
}

// signatureHeader holds "t=SECONDS,v1=HEX": the time, and the HMAC-SHA256 of SECONDS, a full stop and the body.
const signatureHeader = "X-Milkrun-Signature"

// payload is the body. Fields are only ever added to it.
type payload struct {
	Instance string  `json:"instance"`
	Title    string  `json:"title"`
	Text     string  `json:"text"` // the message in words, without the title
	Events   []event `json:"events"`
}

type event struct {
	ID         string        `json:"id"` // the same when it is sent again
	Kind       alert.Kind    `json:"kind"`
	Of         alert.Kind    `json:"of,omitempty"` // what a recovery ends
	Scope      alert.Scope   `json:"scope,omitempty"`
	Name       string        `json:"name,omitempty"`
	Run        int64         `json:"run,omitempty"`
	At         time.Time     `json:"at"`
	Since      time.Time     `json:"since"`
	Count      int           `json:"count,omitempty"`
	Text       string        `json:"text,omitempty"` // the reason as the program has it
	Code       string        `json:"code,omitempty"`
	Remedy     string        `json:"remedy,omitempty"`
	Command    string        `json:"command,omitempty"`
	Jobs       []string      `json:"jobs,omitempty"`
	Slot       *time.Time    `json:"slot,omitempty"`
	Running    *time.Time    `json:"running,omitempty"`
	PausedBy   string        `json:"paused_by,omitempty"`
	StaleAfter int64         `json:"stale_after_seconds,omitempty"`
	Counts     *recordCounts `json:"records,omitempty"`
}

type recordCounts struct {
	Read      int64 `json:"read"`
	Delivered int64 `json:"delivered"`
	Rejected  int64 `json:"rejected"`
}

func newEvent(e alert.Event) event {
	out := event{ID: e.ID(), Kind: e.Says(), Scope: e.Scope, Name: e.Name, Run: e.Run, At: e.At, Since: e.Since, Count: e.Count,
		Text: e.Text, Code: e.Code, Remedy: e.Remedy, Command: e.Command(), Jobs: e.Jobs, Slot: given(e.Slot), Running: given(e.Running),
		PausedBy: e.PausedBy, StaleAfter: int64(e.Limit / time.Second)}
	if e.Over {
		out.Of = e.Kind
	}
	if e.Run != 0 {
		out.Counts = &recordCounts{e.Counts.Read, e.Counts.Delivered, e.Counts.Rejected}
	}
	return out
}

// given is nil for no time.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Send posts the events.
func (w *webhook) Send(ctx context.Context, m alert.Message) error {
	p := payload{Instance: m.Instance, Title: m.Title, Text: m.Body}
	for _, e := range m.Events {
		p.Events = append(p.Events, newEvent(e))
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, _, err = w.send(ctx, func(now time.Time, _ *url.URL) (any, http.Header) { return body, w.sign(now, body) })
	return err
}

func (w *webhook) sign(now time.Time, body []byte) http.Header {
	if w.secret.Empty() {
		return nil
	}
	h := hmac.New(sha256.New, []byte(w.secret.Reveal()))
	fmt.Fprintf(h, "%d.%s", now.Unix(), body)
	return http.Header{signatureHeader: {fmt.Sprintf("t=%d,v1=%s", now.Unix(), hex.EncodeToString(h.Sum(nil)))}}
}
