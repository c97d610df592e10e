package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxExchangePage is the largest page_size and limit of a query.
const MaxExchangePage = 1000

// batchesMost is how many batch ids are remembered; the oldest are forgotten first.
const batchesMost = 10_000

// ExchangeOptions says what the stand-in of the 数据接口对接协议 knows. The zero value is the usual one.
type ExchangeOptions struct {
	// Keys names the key field of a resource; "user_id" for users and "id" for any other when it is not named.
	Keys map[string]string
	// Masked names the fields of a resource that are rejected in clear: a value that is not empty must hold a '*'.
	// For users it is phone, name and id_card when it is not named.
	Masked map[string][]string
	// Revisions names the field of a resource that counts the changes of a record; "revision" for orders when it is nil. A record
	// with an older one than is kept changes nothing.
	Revisions map[string]string
	// Token, and KeyID with Secret, are the credentials of the two ways to authorise; test ones when empty.
	Token, KeyID, Secret string
}

// Exchange is the stand-in of a partner under the 数据接口对接协议; the package comment has the wire.
// It is safe for concurrent use and holds every record it keeps.
type Exchange struct {
	opts   ExchangeOptions
	nonces nonces

	mu       sync.Mutex
	received map[string]map[string]json.RawMessage // by resource and key
	serving  map[string][]json.RawMessage
	batches  map[string]exchangeBatch
	order    []string // batch ids, oldest first

	revisions map[string]*revision // by resource and key
	poison    map[string]bool
	stats     ExchangeStats
}

// exchangeBatch is a batch that was answered: the digest of its body and the answer.
type exchangeBatch struct {
	digest [sha256.Size]byte
	answer []byte
}

// ExchangeStats counts since the start: pushes, queries, calls refused, batches that came again, records kept and
// records rejected (not counting batches that came again). Same counts revisions that came again in another batch, Overtaken
// those that came for the first time after a newer one of their key: a sender that keeps the order has none.
type ExchangeStats struct{ Pushes, Queries, Refused, Repeated, Accepted, Rejected, Same, Overtaken int64 }

// NewExchange returns the stand-in.
func NewExchange(o ExchangeOptions) *Exchange {
	o.Keys, o.Masked = maps.Clone(o.Keys), maps.Clone(o.Masked)
	if o.Keys == nil {
		o.Keys = map[string]string{}
	}
	o.Keys["users"] = or(o.Keys["users"], "user_id")
	o.Keys[ordersResource] = or(o.Keys[ordersResource], "order_no")
	if o.Revisions == nil {
		o.Revisions = map[string]string{ordersResource: "revision"}
	}
	if o.Masked == nil {
		o.Masked = map[string][]string{"users": {"phone", "name", "id_card"}}
	}
	o.Token = or(o.Token, "sandbox-token")
	o.KeyID = or(o.KeyID, "sandbox-key")
	o.Secret = or(o.Secret, "sandbox-secret")
	return &Exchange{
		opts: o, received: map[string]map[string]json.RawMessage{}, serving: map[string][]json.RawMessage{},
		batches: map[string]exchangeBatch{}, poison: map[string]bool{}, revisions: map[string]*revision{},
	}
}

// Settings are the settings of a connection of type exchange to this stand-in at url, with the bearer token.
func (e *Exchange) Settings(url string) map[string]string {
	return map[string]string{"url": url, "token": e.opts.Token}
}

// SettingsHMAC returns the key id and the secret for the HMAC header.
func (e *Exchange) SettingsHMAC() (keyID, secret string) { return e.opts.KeyID, e.opts.Secret }

// Serve sets the records that queries of a resource return, in this order. A resource without records to serve returns
// what it has received, in the order of the keys.
func (e *Exchange) Serve(resource string, records []json.RawMessage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serving[resource] = slices.Clone(records)
}

// Poison replaces the keys whose records are rejected; none heals all.
func (e *Exchange) Poison(keys ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.poison = map[string]bool{}
	for _, k := range keys {
		e.poison[k] = true
	}
}

// Records is the number of records received and kept for a resource.
func (e *Exchange) Records(resource string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.received[resource])
}

// Record returns a record received for a resource, as it came.
func (e *Exchange) Record(resource, key string) (json.RawMessage, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.received[resource][key]
	return r, ok
}

// Describe says what the stand-in holds and has done, on one line.
func (e *Exchange) Describe() string {
	s := e.Stats()
	return fmt.Sprintf("%d users held; %d pushes (%d again), %d queries, %d calls refused; %d records kept, %d rejected",
		e.Records("users"), s.Pushes, s.Repeated, s.Queries, s.Refused, s.Accepted, s.Rejected)
}

// Stats returns the counts so far.
func (e *Exchange) Stats() ExchangeStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// ServeHTTP answers {anything}/{resource} and {anything}/{resource}/query.
func (e *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, last := path.Split(r.URL.Path)
	query := last == "query"
	if query {
		last = path.Base(at)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
	if err != nil {
		e.refuse(w, 400, "body: %v", err)
		return
	}
	if why := e.authorise(r, body); why != "" {
		e.refuse(w, 401, "%s", why)
		return
	}
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
	case !validResource(last):
		e.refuse(w, 404, "no such interface")
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		e.refuse(w, 400, "Content-Type must be application/json")
	case query:
		e.query(w, last, body)
	default:
		e.push(w, last, body)
	}
}

func validResource(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// authorise returns why a call is not authorised, or nothing.
func (e *Exchange) authorise(r *http.Request, body []byte) string {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch scheme {
	case "Bearer":
		if subtle.ConstantTimeCompare([]byte(rest), []byte(e.opts.Token)) == 1 {
			return ""
		}
		return "wrong token"
	case "HMAC-SHA256":
		return e.verify(r.Method+"\n"+r.URL.EscapedPath(), rest, body)
	}
	return "Authorization must be Bearer or HMAC-SHA256"
}

func (e *Exchange) verify(target, params string, body []byte) string {
	p := map[string]string{}
	for part := range strings.SplitSeq(params, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		p[k] = v
	}
	if p["key"] != e.opts.KeyID {
		return "unknown key"
	}
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, []byte(e.opts.Secret))
	_, _ = io.WriteString(mac, target+"\n"+p["timestamp"]+"\n"+p["nonce"]+"\n"+hex.EncodeToString(digest[:]))
	if !hmac.Equal([]byte(p["signature"]), []byte(hex.EncodeToString(mac.Sum(nil)))) {
		return "wrong signature"
	}
	if !fresh(p["timestamp"], time.Now()) {
		return "timestamp is more than ten minutes off"
	}
	if n := len(p["nonce"]); n < 8 || n > 64 || strings.Trim(p["nonce"], "0123456789abcdefABCDEF") != "" {
		return "nonce is not 8 to 64 hex digits"
	}
	if !e.nonces.use(p["nonce"], time.Now()) {
		return "nonce was used before"
	}
	return ""
}

func (e *Exchange) refuse(w http.ResponseWriter, code int, format string, args ...any) {
	e.mu.Lock()
	e.stats.Refused++
	e.mu.Unlock()
	status := http.StatusOK
	if code == 401 || code == 404 {
		status = code
	}
	text, _ := json.Marshal(fmt.Sprintf(format, args...))
	writeJSON(w, status, fmt.Appendf(nil, `{"code":%d,"message":%s}`, code, text))
}

type exchangePush struct {
	Interface string            `json:"interface"`
	Version   string            `json:"version"`
	Purpose   string            `json:"purpose"`
	BatchID   string            `json:"batch_id"`
	Mode      string            `json:"mode"`
	Count     *int              `json:"count"`
	Records   []json.RawMessage `json:"records"`
}

// fault returns what is wrong with the envelope of a push, or nothing.
func (p *exchangePush) fault(resource string) string {
	switch {
	case p.Interface != resource:
		return fmt.Sprintf("interface is %q, the address says %q", p.Interface, resource)
	case p.Version != "1":
		return `version must be "1"`
	case p.Purpose == "":
		return "purpose is missing"
	case p.BatchID == "":
		return "batch_id is missing"
	case p.Mode != "incremental" && p.Mode != "full":
		return "mode must be incremental or full"
	case p.Records == nil:
		return "records is missing"
	case p.Count == nil || *p.Count != len(p.Records):
		return fmt.Sprintf("count does not say %d", len(p.Records))
	}
	return ""
}

type exchangeRejection struct {
	Index  int    `json:"index"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

func (e *Exchange) push(w http.ResponseWriter, resource string, body []byte) {
	var p exchangePush
	if err := strictJSON(body, &p); err != nil {
		e.refuse(w, 400, "malformed push: %v", err)
		return
	}
	if why := p.fault(resource); why != "" {
		e.refuse(w, 400, "%s", why)
		return
	}
	answer := e.store(resource, &p, sha256.Sum256(body))
	if answer == nil {
		e.refuse(w, 409, "batch_id was used for other records")
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// store keeps the records of a push once and returns the answer, nil when the batch id belongs to another push.
func (e *Exchange) store(resource string, p *exchangePush, digest [sha256.Size]byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := resource + "\n" + p.BatchID
	if old, ok := e.batches[id]; ok {
		if old.digest != digest {
			return nil
		}
		e.stats.Pushes++
		e.stats.Repeated++
		return old.answer
	}
	rejected := e.keep(resource, p.Records)
	e.stats.Pushes++
	e.stats.Accepted += int64(len(p.Records) - len(rejected))
	e.stats.Rejected += int64(len(rejected))
	list, _ := json.Marshal(rejected)
	answer := fmt.Appendf(nil, `{"code":0,"message":"ok","accepted":%d,"rejected":%s,"receipt":"R-%06d"}`, len(p.Records)-len(rejected), list, e.stats.Pushes)
	e.remember(id, exchangeBatch{digest, answer})
	return answer
}

func (e *Exchange) remember(id string, b exchangeBatch) {
	if len(e.order) >= batchesMost {
		delete(e.batches, e.order[0])
		e.order = e.order[1:]
	}
	e.batches[id] = b
	e.order = append(e.order, id)
}

func (e *Exchange) keep(resource string, records []json.RawMessage) []exchangeRejection {
	rejected := []exchangeRejection{}
	into := e.received[resource]
	if into == nil {
		into = map[string]json.RawMessage{}
		e.received[resource] = into
	}
	for i, raw := range records {
		key, code, reason := e.inspect(resource, raw)
		if code != "" {
			rejected = append(rejected, exchangeRejection{i, code, reason})
			continue
		}
		if !e.outdated(resource, key, e.revisionOf(resource, raw)) {
			into[key] = bytes.Clone(raw)
		}
	}
	return rejected
}

// inspect returns the key of a record, or the code and reason it is rejected for.
func (e *Exchange) inspect(resource string, raw json.RawMessage) (key, code, reason string) {
	var record map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&record) != nil || record == nil {
		return "", "type", "the record is not an object"
	}
	name := or(e.opts.Keys[resource], "id")
	switch v := record[name].(type) {
	case string:
		key = v
	case json.Number:
		key = v.String()
	}
	if key == "" {
		return "", "key", name + " is missing or empty"
	}
	if e.poison[key] {
		return "", "poison", "the record cannot be processed"
	}
	if resource == ordersResource && name == "order_no" {
		if code, reason = checkOrder(record); code != "" {
			return "", code, reason
		}
	}
	for _, f := range e.opts.Masked[resource] {
		if s, _ := record[f].(string); s != "" && !strings.Contains(s, "*") {
			return "", "unmasked", f + " is not masked"
		}
	}
	return key, "", ""
}
