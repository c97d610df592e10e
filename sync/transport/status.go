package transport

import (
	"fmt"
	"io"
	"net/http"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

// refused judges an answer that is not 2xx; this is the one place that knows HTTP statuses. A Retry-After closes the gate.
func (c *Client) refused(answer *http.Response, call Call) *feed.Error {
	status, body, secrets := answer.StatusCode, beginning(answer), call.Secrets
	if call.Refused != nil {
		if e := call.Refused(status, answer.Header, body); e != nil {
			return e
		}
	}
	e := feed.Errorf(verdict(status), fmt.Sprintf("HTTP %d", status), "%s", describe(status, body, secrets))
	if e.Verdict == feed.Retry {
		e.RetryAfter = RetryAfter(answer.Header)
		c.gate.close(e.RetryAfter)
	}
	return e.WithRemedy("%s", remedy(answer, secrets))
}

func verdict(status int) feed.Verdict {
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return feed.Retry
	default:
		return feed.HaltConnection
	}
}

// describe gives the status and the beginning of the body, as far as it can be read.
func describe(status int, body []byte, secrets []secret.Secret) string {
	text := fmt.Sprintf("HTTP %d", status)
	if name := http.StatusText(status); name != "" {
		text += " " + name
	}
	if part := excerpt(body, secrets); part != "" {
		text += ": " + part
	}
	return text
}

// beginning is what can be read of the body's beginning; what has arrived is better than nothing.
func beginning(answer *http.Response) []byte {
	r, _, err := plain(answer)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(r, lookedAt))
	return body
}

func remedy(answer *http.Response, secrets []secret.Secret) string {
	switch status := answer.StatusCode; {
	case status/100 == 3:
		return "the server redirects" + target(answer, secrets) + "; redirects are not followed, so correct url, then resume the connection"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "check the credentials, and whether the partner admits this machine's address, then resume the connection"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusGone:
		return "check url and resource, then resume the connection"
	case status == http.StatusProxyAuthRequired:
		return "check the proxy in HTTPS_PROXY and its credentials, then resume the connection"
	case status == http.StatusTooManyRequests:
		return TriedAgain + "lower rate of the connection"
	case verdict(status) == feed.Retry:
		return TriedAgain + "ask the partner whether its service is well"
	default:
		return "compare the settings with the partner's document, or ask the partner, then resume the connection"
	}
}
