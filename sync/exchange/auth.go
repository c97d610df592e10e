package exchange

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/kind"
)

// NewRequest returns the request with headers, authorised with the present time and a fresh nonce.
func (c *Connection) NewRequest(ctx context.Context, r Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL()+"/"+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", c.authorization(req.URL.EscapedPath(), r.Body))
	return req, nil
}

func (c *Connection) authorization(path string, body []byte) string {
	if !c.token.Empty() {
		return "Bearer " + c.token.Reveal()
	}
	s := c.sign(path, body, "", "")
	return header(s.Params)
}

// ShownAuthorization is the header of a request without what is secret in it.
func (c *Connection) ShownAuthorization(req *http.Request) string {
	shown := req.Header.Get("Authorization")
	for _, s := range []string{c.token.Reveal(), c.hmacKey.Reveal()} {
		if s != "" {
			shown = strings.Replace(shown, s, "[secret]", 1)
		}
	}
	return shown
}

// Sign shows how a push of r.Body to r.Resource would be signed. The string to sign holds no secret. The body of a pull
// is signed alike; its resource ends in "/query".
func (c *Connection) Sign(r kind.SignRequest) (kind.Signature, error) {
	switch {
	case !c.token.Empty():
		return kind.Signature{}, errors.New("this connection authorises with a bearer token; there is nothing to sign")
	case len(r.Params) > 0:
		return kind.Signature{}, errors.New("the parameters of this interface are not signed but the body; fix timestamp and nonce instead")
	}
	address, err := url.Parse(c.URL() + "/" + Path(r.Resource))
	if err != nil {
		return kind.Signature{}, fmt.Errorf("address of the resource %q: %w", r.Resource, err)
	}
	s := c.sign(address.EscapedPath(), r.Body, r.Timestamp, r.Nonce)
	s.Params["Authorization"] = header(s.Params)
	return s, nil
}

// sign signs method, path, timestamp, nonce and the digest of the body. Timestamp and nonce are chosen when empty.
func (c *Connection) sign(path string, body []byte, timestamp, nonce string) kind.Signature {
	timestamp = cmp.Or(timestamp, strconv.FormatInt(time.Now().Unix(), 10))
	nonce = cmp.Or(nonce, newNonce())
	digest := sha256.Sum256(body)
	text := strings.Join([]string{http.MethodPost, path, timestamp, nonce, hex.EncodeToString(digest[:])}, "\n")
	mac := hmac.New(sha256.New, []byte(c.hmacSecret.Reveal()))
	mac.Write([]byte(text))
	signature := hex.EncodeToString(mac.Sum(nil))
	return kind.Signature{StringToSign: text, Signature: signature, Params: map[string]string{
		"key": c.hmacKey.Reveal(), "timestamp": timestamp, "nonce": nonce, "signature": signature}}
}

func header(p map[string]string) string {
	return fmt.Sprintf("HMAC-SHA256 key=%s, timestamp=%s, nonce=%s, signature=%s", p["key"], p["timestamp"], p["nonce"], p["signature"])
}

// newNonce returns 128 random bits in hex: they do not repeat.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
