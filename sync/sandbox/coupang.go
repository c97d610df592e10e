package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// CoupangOptions says how the stand-in of Coupang's gateway answers. The zero value is the usual one.
type CoupangOptions struct {
	// VendorID, AccessKey and SecretKey are the credentials; test ones when empty.
	VendorID, AccessKey, SecretKey string
	// Every is the time between two orders, 90 minutes when 0. Orders have come since the first of January 2026.
	Every time.Duration
	// Skew is how old or new a signature may be, 5 minutes when 0: Coupang does not say.
	Skew time.Duration
	// Rate is how many calls a second one vendor has, 10 when 0; below 0 there is no bound.
	Rate int
	// Now is the clock.
	Now func() time.Time
}

// Coupang is the stand-in of Coupang's Open API gateway, for one vendor. It is safe for concurrent use. Its data are made up
// from the time that is asked for, so that there are orders for every day since 2026 began; names, numbers and addresses
// are those of nobody.
type Coupang struct {
	opts CoupangOptions
	mux  *http.ServeMux

	mu     sync.Mutex
	calls  []time.Time // of the last second
	rocket []time.Time // of the last minute, to rg_open_api
	stats  CoupangStats
}

// CoupangStats counts since the start: calls, those let in, and those refused by their status.
type CoupangStats struct {
	Calls, Accepted int64
	Refused         map[int]int64
}

// NewCoupang returns the stand-in.
func NewCoupang(o CoupangOptions) *Coupang {
	o.VendorID = or(o.VendorID, "A00012345")
	o.AccessKey = or(o.AccessKey, "11111111-2222-3333-4444-555555555555")
	o.SecretKey = or(o.SecretKey, "0123456789abcdef0123456789abcdef01234567")
	if o.Every == 0 {
		o.Every = 90 * time.Minute
	}
	if o.Skew == 0 {
		o.Skew = 5 * time.Minute
	}
	if o.Rate == 0 {
		o.Rate = 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Coupang{opts: o, mux: http.NewServeMux(), stats: CoupangStats{Refused: map[int]int64{}}}
	c.routes()
	return c
}

// Settings are the settings of a connection of type coupang to this stand-in at url.
func (c *Coupang) Settings(url string) map[string]string {
	return map[string]string{"url": url, "vendor_id": c.opts.VendorID, "access_key": c.opts.AccessKey, "secret_key": c.opts.SecretKey}
}

// Stats returns the counts so far.
func (c *Coupang) Stats() CoupangStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Refused = map[int]int64{}
	for status, n := range c.stats.Refused {
		s.Refused[status] = n
	}
	return s
}

// Today is the day in Korea, as its interfaces write it.
func (c *Coupang) Today() string { return c.opts.Now().In(kst()).Format(time.DateOnly) }

// Root is the path at the gateway, which public clients have built in and sign.
func (c *Coupang) Root() string { return "/v2/providers/" }

// Describe implements standIn.
func (c *Coupang) Describe() string {
	s := c.Stats()
	return fmt.Sprintf("vendor %s, an order every %v; %d calls, %d let in", c.opts.VendorID, c.opts.Every, s.Calls, s.Accepted)
}

// coupangPrefix is where the sandbox serves the stand-in beside the root path that clients of Coupang know.
const coupangPrefix = "/coupang"

// ServeHTTP takes paths with and without the sandbox's prefix.
func (c *Coupang) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	drain(r)
	c.mu.Lock()
	c.stats.Calls++
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Date", c.opts.Now().UTC().Format(http.TimeFormat))
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if message := c.unsigned(r, path, query); message != "" {
		c.refuse(w, http.StatusUnauthorized, message)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = strings.TrimPrefix(inner.URL.Path, coupangPrefix)
	inner.URL.RawPath = strings.TrimPrefix(inner.URL.RawPath, coupangPrefix)
	if !c.throttle(w, strings.Contains(path, "/rg_open_api/")) {
		c.refused(http.StatusTooManyRequests)
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"code":"TOO_MANY_REQUESTS","message":"Too Many Requests"}`))
		return
	}
	c.mux.ServeHTTP(w, inner)
}

// unsigned returns the gateway's message about an Authorization header it does not take, "" for a good one. The signature
// may cover the path as it is on the wire, or without the sandbox's prefix, which a client that has it in its base
// address may not know of.
func (c *Coupang) unsigned(r *http.Request, path, query string) string {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "Request is not authorized."
	}
	fields, ok := ceaFields(header)
	if !ok {
		return "HMAC format is invalid."
	}
	at, err := time.Parse("060102T150405Z", fields["signed-date"])
	if err != nil {
		return "HMAC format is invalid."
	}
	if fields["access-key"] != c.opts.AccessKey {
		return "Unknown error occurred, please contact api-gateway channel for the details."
	}
	good := false
	for _, signed := range []string{path, strings.TrimPrefix(path, coupangPrefix)} {
		sum := hmac.New(sha256.New, []byte(c.opts.SecretKey))
		_, _ = sum.Write([]byte(fields["signed-date"] + r.Method + signed + query))
		good = good || hmac.Equal([]byte(hex.EncodeToString(sum.Sum(nil))), []byte(fields["signature"]))
	}
	if !good {
		return "Invalid signature."
	}
	if off := c.opts.Now().Sub(at); off > c.opts.Skew || off < -c.opts.Skew {
		return "Specified signature is expired."
	}
	return ""
}

// ceaFields reads "CEA algorithm=HmacSHA256, access-key=…, signed-date=…, signature=…", with or without the spaces.
func ceaFields(header string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(header, "CEA ")
	if !ok {
		return nil, false
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(strings.TrimPrefix(part, " "), "=")
		if !ok || value == "" {
			return nil, false
		}
		fields[key] = value
	}
	return fields, len(fields) == 4 && fields["algorithm"] == "HmacSHA256" && fields["access-key"] != "" && fields["signature"] != ""
}

// throttle counts a call, and says whether it is within the vendor's limits. Near them it warns.
func (c *Coupang) throttle(w http.ResponseWriter, rocket bool) bool {
	if c.opts.Rate < 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opts.Now()
	c.calls = append(since(c.calls, now.Add(-time.Second)), now)
	if rocket {
		c.rocket = append(since(c.rocket, now.Add(-time.Minute)), now)
	}
	if len(c.calls)*10 > c.opts.Rate*9 {
		w.Header().Set("X-CAG-Warnings", "throttling limit is near")
	}
	return len(c.calls) <= c.opts.Rate && len(c.rocket) <= 50
}

// since leaves what is later than a time.
func since(times []time.Time, after time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(after) {
		times = times[1:]
	}
	return times
}

func (c *Coupang) refused(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Refused[status]++
}

// refuse answers as the gateway does.
func (c *Coupang) refuse(w http.ResponseWriter, status int, message string) {
	c.refused(status)
	c.send(w, status, jsonMap{"code": "ERROR", "message": message, "transactionId": "00000000-0000-0000-0000-000000000000"})
}

// send writes an answer.
func (c *Coupang) send(w http.ResponseWriter, status int, v any) {
	if status == http.StatusOK {
		c.mu.Lock()
		c.stats.Accepted++
		c.mu.Unlock()
	}
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

type jsonMap = map[string]any
