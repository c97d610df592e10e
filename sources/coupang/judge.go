package coupang

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// How long nothing is asked for after a block, and after too many errors.
const (
	blockedFor   = 10 * time.Minute
	leastRest    = 5 * time.Minute
	mostRest     = 30 * time.Minute
	mostErrors   = 20
	withinErrors = 5 * time.Second
	mostFailures = 3 // HTTP 500 in a row for one page
)

// judge says what a status other than 2xx means at Coupang, and opens the circuits that follow; nil leaves it to package
// transport.
func (k *caller) judge(call transport.Call, status int, header http.Header, body []byte) *feed.Error {
	k.account.provider.Bad(mostErrors, withinErrors, blockedFor)
	said := spoken(call, body)
	code := fmt.Sprintf("HTTP %d", status)
	halt := func(v feed.Verdict, what, remedy string) *feed.Error {
		return feed.Errorf(v, code, "%s%s", what, said).WithRemedy("%s", remedy)
	}
	switch status {
	case http.StatusFound:
		return halt(feed.HaltConnection, "HTTP 302: Coupang has blocked this machine's address or the vendor",
			"do not call again before Coupang has lifted the block: ask its support, then resume the connection")
	case http.StatusBadRequest:
		return halt(feed.HaltJob, "HTTP 400: Coupang refuses the parameters", "compare resource, version and dates with what it says, then resume the job")
	case http.StatusUnauthorized:
		return k.unauthorised(header, said)
	case http.StatusForbidden:
		return k.forbidden(body, said)
	case http.StatusNotFound:
		return halt(feed.HaltConnection, "HTTP 404: the path or the vendor id is wrong",
			"check vendor_id and url; Coupang blocks who goes on, so resume the connection only after they are right")
	case http.StatusGone, http.StatusPreconditionFailed, http.StatusLocked:
		return halt(feed.HaltJob, fmt.Sprintf("HTTP %d: this version of the interface is expired or locked", status),
			"choose another version of the source, or ask Coupang; then resume the job")
	case http.StatusTooManyRequests:
		return k.throttled(header, said)
	}
	return nil
}

// unauthorised tells a clock that is off and an expired signature from a wrong key.
func (k *caller) unauthorised(header http.Header, said string) *feed.Error {
	code := "HTTP 401"
	if skew := clockSkew(header); strings.Contains(said, "expired") {
		if skew > tooSkewed || skew < -tooSkewed {
			return feed.Errorf(feed.HaltConnection, "clock", "HTTP 401: the signature counts as expired, for this machine's clock is %v off%s", skew.Abs().Round(time.Second), said).
				WithRemedy("set the clock (timedatectl), then resume the connection")
		}
		code = codeExpired
	}
	return feed.Errorf(feed.HaltConnection, code, "HTTP 401: Coupang does not accept the signature%s", said).
		WithRemedy("check vendor_id, access_key and secret_key; keys live for 180 days, and a new one takes up to 30 minutes to act; then resume the connection")
}

// codeExpired marks a signature that may be made once more.
const codeExpired = "HTTP 401 expired"

// forbidden tells the block of the gateway's front from an address that is not registered.
func (k *caller) forbidden(body []byte, said string) *feed.Error {
	text := string(body)
	switch {
	case strings.Contains(text, "Not allowed IP"):
		return feed.Errorf(feed.HaltConnection, "HTTP 403 IP", "HTTP 403: this machine's address is not registered with Coupang%s", said).
			WithRemedy("register the address in Wing (an edit takes up to 30 minutes to act), then resume the connection")
	case strings.Contains(text, "Access Denied"), strings.Contains(text, "Reference #18."), strings.Contains(text, "Reference&#32;&#35;18"):
		const why = "the gateway's front has blocked this machine for a while (HTTP 403 Access Denied)"
		k.account.provider.Block(blockedFor, why)
		e := feed.Errorf(feed.Retry, "HTTP 403 blocked", "%s", why).
			WithRemedy(transport.TriedAgain + "look for what made many errors a second; lower rate and provider_rate of the connection")
		e.RetryAfter = blockedFor
		return e
	}
	return feed.Errorf(feed.HaltConnection, "HTTP 403", "HTTP 403: Coupang refuses%s", said).
		WithRemedy("check the keys, what they are allowed, and the registered addresses; then resume the connection")
}

// throttled opens the vendor's circuit for as long as the answer asks; it seldom says, and rest grows with each time.
func (k *caller) throttled(header http.Header, said string) *feed.Error {
	const why = "Coupang throttles the vendor (HTTP 429)"
	rest := k.account.vendor.Throttled(transport.RetryAfter(header), leastRest, mostRest, why)
	e := feed.Errorf(feed.Retry, "HTTP 429", "%s%s", why, said).
		WithRemedy(transport.TriedAgain + "lower rate of the connection; Coupang blocks vendors for good that go on")
	e.RetryAfter = rest
	return e
}

// spoken is the gateway's message, as the end of an error text; an HTML page says nothing.
func spoken(call transport.Call, body []byte) string {
	var o struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &o) != nil || o.Message == "" {
		return ""
	}
	return ": " + transport.Said(o.Message, call.Secrets...)
}

// clockSkew is how far this machine's clock is ahead of the gateway's, 0 when the answer has no date.
func clockSkew(header http.Header) time.Duration {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return time.Since(at)
}
