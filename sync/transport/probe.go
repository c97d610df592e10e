package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"milkrun/sync/kind"
)

var _ kind.Prober = (*Settings)(nil)

// When a certificate and a clock become a matter for somebody.
const (
	expiresSoon = 21 * 24 * time.Hour
	clockOff    = 5 * time.Second
	clockWrong  = 2 * time.Minute
)

// Probe looks at the way to the partner, by one HEAD request for the connection's address without any credentials: name,
// connection, certificate, answer, and the clock by the answer's Date. Any answer is good: it only shows that there is
// somebody. It does not wait for the connection's rate.
func (s *Settings) Probe(ctx context.Context, env kind.Env) []kind.Finding {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errTimeout)
	defer cancel()
	p := &probe{begun: time.Now()}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, p.trace()), http.MethodHead, s.url, http.NoBody)
	if err != nil {
		return []kind.Finding{kind.Found(kind.Bad, "address", "the address cannot be used").WithRemedy("correct url")}
	}
	req.Header.Set("User-Agent", "milkrun")
	way, err := s.way(env.RoundTripper)
	if err != nil {
		return []kind.Finding{kind.Failed("certificate", err).WithRemedy("correct ca_file")}
	}
	p.through(req)
	answer, err := way.RoundTrip(req)
	if err != nil {
		p.failed(ctx, req, err)
		return p.list()
	}
	defer answer.Body.Close()
	p.answered(answer)
	return p.list()
}

// way is how the request goes: like those of a client, on a connection of its own.
func (s *Settings) way(base http.RoundTripper) (http.RoundTripper, error) {
	if base != nil {
		return base, nil
	}
	way, err := network(s)
	if t, ok := way.(*http.Transport); ok {
		t.DisableKeepAlives = true
	}
	return way, err
}

// probe collects what is found on the way. The hooks may be called by several goroutines, also when all is over.
type probe struct {
	mu    sync.Mutex
	begun time.Time
	sent  time.Time // when the request had left
	proxy string
	found []kind.Finding
}

func (p *probe) add(f kind.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found = append(p.found, f)
}

func (p *probe) list() []kind.Finding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.found)
}

func (p *probe) took() time.Duration { return time.Since(p.begun).Round(time.Millisecond) }

// through notes the proxy of a request. Its address may hold a password, so only the host is shown.
func (p *probe) through(req *http.Request) {
	if proxy, err := http.ProxyFromEnvironment(req); err == nil && proxy != nil {
		p.proxy = proxy.Host
		p.add(kind.Found(kind.Good, "proxy", "through the proxy %s", proxy.Host))
	}
}

func (p *probe) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			if i.Err == nil {
				p.add(kind.Found(kind.Good, "dns", "the name is %s (%v)", addresses(i.Addrs), p.took()))
			}
		},
		ConnectDone: func(_, addr string, err error) {
			if err == nil {
				p.add(kind.Found(kind.Good, "tcp", "connected to %s (%v)", addr, p.took()))
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil {
				p.add(certificate(state, time.Now()))
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.sent = time.Now()
		},
	}
}

func addresses(list []net.IPAddr) string {
	var texts []string
	for i, a := range list {
		if i == 4 {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}

// certificate judges the certificates of a connection whose chain and name are good: the first of them that ends.
func certificate(state tls.ConnectionState, now time.Time) kind.Finding {
	version := tls.VersionName(state.Version)
	if len(state.VerifiedChains) == 0 {
		return kind.Found(kind.Good, "certificate", "%s", version)
	}
	first := state.VerifiedChains[0][0]
	for _, c := range state.VerifiedChains[0] {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	left := first.NotAfter.Sub(now)
	text := fmt.Sprintf("%s, the certificate is good until %s (%d days)", version, day(first.NotAfter), int(left.Hours()/24))
	if left < expiresSoon {
		return kind.Found(kind.Warning, "certificate", "%s", text).WithRemedy("tell the partner to renew it: after that day no request gets through")
	}
	return kind.Found(kind.Good, "certificate", "%s", text)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// failed judges why there is no answer.
func (p *probe) failed(ctx context.Context, req *http.Request, err error) {
	host := req.URL.Host
	if p.proxy != "" {
		host = "the proxy " + p.proxy
	}
	var wrong *tls.CertificateVerificationError
	var name *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &wrong):
		p.add(untrusted(wrong, req.URL.Hostname(), time.Now()))
	case errors.As(err, &name):
		text := "the name " + name.Name + " cannot be looked up: " + name.Err
		p.add(kind.Found(kind.Bad, "dns", "%s", text).WithRemedy("check url, and the name servers of this machine (/etc/resolv.conf)"))
	case errors.Is(context.Cause(ctx), errTimeout), errors.Is(err, context.DeadlineExceeded):
		p.add(kind.Found(kind.Bad, "http", "no answer of %s within %v", host, p.took()).
			WithRemedy("check url, and whether a firewall between here and there drops the packets"))
	case errors.As(err, &dial) && dial.Op == "dial":
		p.add(kind.Found(kind.Bad, "tcp", "%s cannot be reached: %v", host, dial.Err).
			WithRemedy("check url, and whether this machine reaches the partner (network, firewall, proxy)"))
	default:
		p.add(kind.Found(kind.Bad, "http", "%s gives no answer: %v", host, err).
			WithRemedy("check url: http or https, and the port; then ask the partner"))
	}
}

// untrusted says what is wrong with a certificate.
func untrusted(err *tls.CertificateVerificationError, host string, now time.Time) kind.Finding {
	bad := func(format string, args ...any) kind.Finding {
		return kind.Found(kind.Bad, "certificate", format, args...)
	}
	var leaf *x509.Certificate
	if len(err.UnverifiedCertificates) > 0 {
		leaf = err.UnverifiedCertificates[0]
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(invalid.Cert.NotAfter):
		return bad("the certificate of %s expired on %s", host, day(invalid.Cert.NotAfter)).WithRemedy("tell the partner to renew it; if it is good, this machine's clock is ahead")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return bad("the certificate of %s is good from %s only", host, day(invalid.Cert.NotBefore)).WithRemedy("check this machine's clock: it seems to be behind")
	case errors.As(err, &name) && leaf != nil:
		return bad("the certificate is for %s, not for %s", strings.Join(leaf.DNSNames, ", "), host).WithRemedy("check url: the partner's document names the host")
	case errors.As(err, &unknown) && leaf != nil:
		return bad("nobody vouches here for the certificate of %s, which %s issued", host, leaf.Issuer).
			WithRemedy("put the partner's authority into a PEM file and name it in ca_file; or install ca-certificates")
	}
	return bad("the certificate of %s is not good: %v", host, err.Err).WithRemedy("ask the partner about its certificate")
}

// answered judges an answer: hardly by what it is, but by when it says it was written.
func (p *probe) answered(answer *http.Response) {
	text := fmt.Sprintf("HTTP %d (%v)", answer.StatusCode, p.took())
	switch {
	case answer.StatusCode == http.StatusProxyAuthRequired:
		p.add(kind.Found(kind.Bad, "http", "the proxy wants to know who we are: %s", text).WithRemedy("put user and password of the proxy into HTTPS_PROXY"))
	case slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, answer.StatusCode):
		p.add(kind.Found(kind.Warning, "http", "the partner's service is not there now: %s", text).WithRemedy("ask the partner whether its service is well"))
	default:
		p.add(kind.Found(kind.Good, "http", "it answers: %s", text))
	}
	p.mu.Lock()
	sent := p.sent
	p.mu.Unlock()
	if sent.IsZero() {
		sent = p.begun
	}
	if f, told := clock(answer.Header, sent, time.Now()); told {
		p.add(f)
	}
}

// clock compares the clock here with the partner's, by an answer that was written between two moments. The header has
// whole seconds. An answer from a cache tells nothing.
func clock(h http.Header, sent, came time.Time) (kind.Finding, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if age, _ := strconv.Atoi(h.Get("Age")); err != nil || age > 0 {
		return kind.Finding{}, false
	}
	off, how := time.Duration(0), "ahead of"
	if ahead := sent.Sub(date.Add(time.Second)); ahead > 0 {
		off = ahead
	} else if behind := date.Sub(came); behind > 0 {
		off, how = behind, "behind"
	}
	text := fmt.Sprintf("this machine's clock is %v %s the partner's", off.Round(time.Second), how)
	const remedy = "see which of the two is wrong (timedatectl here): a request with a wrong time may be refused as forged"
	switch {
	case off >= clockWrong:
		return kind.Found(kind.Bad, "clock", "%s", text).WithRemedy(remedy), true
	case off >= clockOff:
		return kind.Found(kind.Warning, "clock", "%s", text).WithRemedy(remedy), true
	}
	return kind.Found(kind.Good, "clock", "this machine's clock and the partner's agree to %v", clockOff), true
}
