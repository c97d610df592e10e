package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

// post is what the channels that send by HTTP have in common.
type post struct {
	taking
	transport.Settings
	typ            string // for error texts
	url, secret    secret.Secret
	urlEn, urlZh   string // what the keys are, in this channel's words
	signEn, signZh string
	allowHTTP      bool
	now            func() time.Time
}

func newPost(typ string) post {
	return post{Settings: transport.NewSettings(), typ: typ, now: time.Now}
}

// bound sets what a message and its answer need: 15 s, 64 KiB, and for a robot 20 messages a minute, which all of them take.
func (p *post) bound(rate string) {
	values := map[string]any{"timeout": "15s", "max_body": int64(64 << 10), "rate": rate}
	for _, f := range p.Settings.Fields() {
		if v, ok := values[f.Name]; ok {
			_ = f.Set(v) // constants, which a test has seen
		}
	}
}

const robotRate = "20/m"

// Fields returns the keys; those of the transport that a message has no use for are left out.
func (p *post) Fields() []setting.Field {
	list := []setting.Field{
		setting.Secret("url", &p.url, p.urlEn, p.urlZh).Require(),
		p.field(),
		setting.Bool("allow_http", &p.allowHTTP, "permit an unencrypted http:// address", "允许使用未加密的 http:// 地址"),
	}
	if p.signEn != "" {
		list = slices.Insert(list, 1, setting.Secret("secret", &p.secret, p.signEn, p.signZh))
	}
	for _, f := range p.Settings.Fields() {
		if f.Name == "timeout" || f.Name == "ca_file" {
			list = append(list, f)
		}
	}
	return list
}

// Validate checks the address, without ever quoting it.
func (p *post) Validate() []setting.Problem { return p.validate(func(*url.URL) string { return "" }) }

// validate checks the address, also by what a robot finds missing in it.
func (p *post) validate(missing func(*url.URL) string) []setting.Problem {
	list := append(p.Settings.Validate(), p.problems()...)
	problem := func(text, remedy string) []setting.Problem {
		return append(list, setting.Problem{Key: "url", Text: text, Remedy: remedy})
	}
	if p.url.Empty() {
		return list
	}
	u, err := p.address()
	switch {
	case err != nil:
		return problem(err.Error(), "copy the whole address, beginning with https://")
	case u.Scheme == "http" && !p.allowHTTP && !loopback(u.Hostname()):
		return problem("http:// would send the message and the secret in the address unencrypted", "use https://, or set allow_http = true if the way is safe otherwise")
	}
	if what := missing(u); what != "" {
		return problem(what, "copy the whole webhook address from the settings of the robot")
	}
	return list
}

// address returns the address. The error does not repeat it.
func (p *post) address() (*url.URL, error) {
	u, err := url.Parse(p.url.Reveal())
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("this is no absolute https address")
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// secrets are what must not be in an error: the address, each part of it that may be a token, and the signing secret.
func (p *post) secrets() []secret.Secret {
	list := []secret.Secret{p.url, p.secret}
	u, err := p.address()
	if err != nil {
		return list
	}
	parts := []string{path.Base(u.Path)}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	if password, given := u.User.Password(); given {
		parts = append(parts, password)
	}
	for _, part := range parts {
		if len(part) >= 8 { // shorter ones are words
			list = append(list, secret.New(part))
		}
	}
	return list
}

// build completes a request. It is called at each attempt: signatures hold the time.
type build func(now time.Time, u *url.URL) (body any, header http.Header)

// send posts a JSON body. It returns the answer, and the call for what there is to say about it.
func (p *post) send(ctx context.Context, b build) (transport.Response, transport.Call, error) {
	call := transport.Call{Op: "posting to " + p.typ, Secrets: p.secrets()}
	call.Build = func(ctx context.Context) (*http.Request, error) {
		u, err := p.address()
		if err != nil {
			return nil, err
		}
		body, header := b(p.now(), u)
		return request(ctx, u, body, header)
	}
	answer, err := p.Client(nil).Do(ctx, call)
	if err != nil {
		return answer, call, p.judged(err)
	}
	return answer, call, nil
}

func request(ctx context.Context, u *url.URL, body any, header http.Header) (*http.Request, error) {
	content, ok := body.([]byte)
	if !ok {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	maps.Copy(req.Header, header)
	return req, nil
}

// judged makes an error of the transport one of a channel: nothing halts, and the remedy fits. Its text is all that is
// kept of the cause, so that nothing can bring the address back.
func (p *post) judged(err error) *feed.Error {
	e := feed.Judge(err)
	judged := &feed.Error{Verdict: e.Verdict, Code: e.Code, RetryAfter: e.RetryAfter, Err: errors.New(transport.Said(err.Error(), p.secrets()...))}
	switch {
	case e.Code == "certificate":
		judged.Remedy = "check url; if the server has an authority of its own, name its certificate in ca_file"
	case e.Verdict != feed.Retry:
		judged.Verdict, judged.Remedy = feed.Fail, "check url and secret of the channel, then try milkrun alert test"
	}
	return judged
}
