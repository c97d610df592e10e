package sandbox

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// CaihReporting says where the stand-in of 东信 pushes status reports, and what they say.
type CaihReporting struct {
	To      string   `json:"to"`                 // address; none is pushed when it is empty
	DelayMS int      `json:"delay_ms,omitempty"` // after the call
	Fail    []string `json:"fail,omitempty"`     // numbers that are not reached
	Twice   bool     `json:"twice,omitempty"`    // each report comes twice
	// Pushed and Refused are told, not set: reports that were answered with 200 and an empty body, and the others.
	Pushed  int `json:"pushed"`
	Refused int `json:"refused"`
}

// pusher pushes status reports, one a request.
type pusher struct {
	opts CaihOptions
	mu   sync.Mutex
	now  CaihReporting
}

// Report sets where reports go from now on.
func (c *Caih) Report(r CaihReporting) {
	c.pusher.mu.Lock()
	defer c.pusher.mu.Unlock()
	c.pusher.now = r
}

// Reporting returns where reports go, and how many went.
func (c *Caih) Reporting() CaihReporting {
	c.pusher.mu.Lock()
	defer c.pusher.mu.Unlock()
	return c.pusher.now
}

func (p *pusher) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var next CaihReporting
		if err := readControl(w, r, &next); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		p.now = next
		p.mu.Unlock()
	}
	p.mu.Lock()
	now := p.now
	p.mu.Unlock()
	writeIndented(w, now)
}

// sent has messages reported, a while later.
func (p *pusher) sent(groups []CaihMessage) {
	p.mu.Lock()
	now := p.now
	p.mu.Unlock()
	if now.To == "" {
		return
	}
	groups = slices.Clone(groups)
	time.AfterFunc(time.Duration(now.DelayMS)*time.Millisecond, func() {
		for _, m := range groups {
			p.push(now, m)
			if now.Twice {
				p.push(now, m)
			}
		}
	})
}

// push makes one request, as the document describes it.
func (p *pusher) push(now CaihReporting, m CaihMessage) {
	status, desc := "SUCCESS", "DELIVRD"
	if slices.Contains(now.Fail, m.Phone) {
		status, desc = "FAIL", "UNDELIV"
	}
	ok := p.post(now.To, p.Body(m, status, desc, time.Now())) == nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok {
		p.now.Pushed++
	} else {
		p.now.Refused++
	}
}

// Body is a status report about a message, as it is pushed.
func (p *pusher) Body(m CaihMessage, status, desc string, at time.Time) []byte {
	stamp := at.In(caihZone()).Format("20060102150405")
	sum := md5.Sum([]byte(p.opts.Token + stamp))
	body, err := json.Marshal(map[string]string{"account": p.opts.Account, "password": hex.EncodeToString(sum[:]), "appId": p.opts.AppID,
		"timestamp": stamp, "msgid": m.MsgID, "uid": m.UID, "phone": m.Phone, "status": status, "desc": desc,
		"reporttime": at.In(caihZone()).Format(time.DateTime)})
	if err != nil {
		return nil // texts always marshal
	}
	return body
}

// ReportBody is a status report about a message, as the platform would push it now.
func (c *Caih) ReportBody(m CaihMessage, status, desc string, at time.Time) []byte {
	return c.pusher.Body(m, status, desc, at)
}

func (p *pusher) post(to string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || len(answer) > 0 {
		return fmt.Errorf("answered with %d", resp.StatusCode)
	}
	return nil
}
