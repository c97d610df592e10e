package sandbox

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	seal "milkrun/sync/envelope"
)

// sealed says whether queries travel in an envelope.
func (a *accounts) sealed() bool { return a.profile != nil && a.profile.On() }

// side is the platform's end of the envelope.
func (a *accounts) side() *seal.Party {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.party == nil {
		shared, _ := hex.DecodeString(a.shared) // ours, as are the keys
		user, _ := seal.ParsePrivate(a.user)
		a.party = a.profile.Side(a.platform, user.Public(), shared, time.Now)
	}
	return a.party
}

// serveSealed opens a request, has it served, and seals the answer. What cannot be opened is refused in clear. A file that
// comes as multipart/form-data is beside the envelope; the answer is in it.
func (c *Credit) serveSealed(w http.ResponseWriter, r *http.Request, p map[string]string, serve operation) {
	party, inner := c.account.side(), p
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		var err error
		if inner, err = c.opened(party, p); err != nil {
			c.refuse(w, http.StatusOK, err.Error())
			return
		}
	}
	rec := newRecorder()
	serve(rec, r, inner)
	answer, err := c.sealed(party, rec.body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, rec.status, answer)
}

// opened are the parameters of a sealed request.
func (c *Credit) opened(party *seal.Party, p map[string]string) (map[string]string, error) {
	plain, _, err := party.Open(p, nil)
	if err != nil {
		return nil, fmt.Errorf("报文解密或摘要校验失败: %w", err)
	}
	inner, err := jsonParams(plain)
	if err != nil {
		return nil, fmt.Errorf("解密后的报文格式错误: %w", err)
	}
	if c.account.profile.Mode() == seal.Data {
		for _, name := range []string{"accessid", "username", "pwd", "token"} {
			if v, ok := p[name]; ok {
				inner[name] = v
			}
		}
	}
	return inner, nil
}

// seal puts an answer into the envelope: the whole of it, or its data.
func (c *Credit) sealed(party *seal.Party, answer []byte) ([]byte, error) {
	outside, inside := map[string]any{}, answer
	if c.account.profile.Mode() == seal.Data {
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(answer, &whole); err != nil || whole["data"] == nil {
			return answer, err // a refusal has no data
		}
		inside = bytes.Clone(whole["data"])
		delete(whole, "data")
		for name, v := range whole {
			outside[name] = v
		}
	}
	sealed, err := party.Seal(inside)
	if err != nil {
		return nil, err
	}
	fields := maps.Clone(sealed.Fields)
	if c.spoiled() {
		fields[c.account.profile.DigestField()] = sealedDigestOf(c.account.profile, party)
	}
	for name, v := range fields {
		outside[name] = v
	}
	return json.Marshal(outside)
}

func (c *Credit) spoiled() bool {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	if c.account.spoil == 0 {
		return false
	}
	c.account.spoil--
	return true
}

// sealedDigestOf is a digest of something else.
func sealedDigestOf(p *seal.Profile, party *seal.Party) string {
	other, err := party.Seal([]byte(`{"spoiled":true}`))
	if err != nil {
		return ""
	}
	return other.Fields[p.DigestField()]
}
