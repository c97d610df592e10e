package transport

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"milkrun/sync/setting"
)

const (
	defaultTimeout = 60 * time.Second
	defaultMaxBody = 64 << 20
	minMaxBody     = 1 << 10
	maxMaxBody     = 1 << 30
)

// Settings are the keys every HTTP partner has; a partner's connection embeds it. Make it with [NewSettings]; it must
// not be copied once in use.
type Settings struct {
	url       string
	rate      rate.Limit // requests a second; rate.Inf without a limit
	timeout   time.Duration
	maxBody   int
	allowHTTP bool
	caFile    string

	mu     sync.Mutex
	client *Client
}

// NewSettings returns the defaults: no rate limit, 60 s a request, bodies of at most 64 MiB, https only.
func NewSettings() Settings {
	return Settings{rate: rate.Inf, timeout: defaultTimeout, maxBody: defaultMaxBody}
}

// Fields returns the keys.
func (s *Settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("url", &s.url, "base address of the partner's interface", "对方接口的基础地址").Require(),
		setting.Custom("rate", `rate, as "5/s"`, "", s.setRate,
			"most requests in a second, minute or hour, for all jobs on this connection together; none when left out",
			"本连接上所有任务合计的请求频率上限，不填则不限"),
		setting.Duration("timeout", &s.timeout, "longest time for one request with its answer", "单次请求（含读取应答）的超时时间"),
		setting.Int("max_body", &s.maxBody, "largest answer in bytes", "应答正文的最大字节数").Between(minMaxBody, maxMaxBody, ""),
		setting.Bool("allow_http", &s.allowHTTP, "permit an unencrypted http:// address", "允许使用未加密的 http:// 地址"),
		setting.Text("ca_file", &s.caFile, "PEM file with the certificate authorities to trust instead of the system's",
			"受信任的 CA 证书文件（PEM），代替系统证书"),
	}
}

// Validate checks the address and the CA file. It opens no connection.
func (s *Settings) Validate() []setting.Problem {
	var list []setting.Problem
	if p := s.urlProblem(); p.Text != "" {
		list = append(list, p)
	}
	if s.timeout <= 0 {
		list = append(list, setting.Problem{Key: "timeout", Text: "a request needs some time",
			Remedy: `leave it out for 60 s, or write for example timeout = "30s"`})
	}
	if _, err := s.roots(); err != nil {
		list = append(list, setting.Problem{Key: "ca_file", Text: err.Error(),
			Remedy: "name a readable PEM file that holds at least one certificate"})
	}
	return list
}

// urlProblem returns the zero Problem for a good address, and for none: that the key is required is the checker's to say.
func (s *Settings) urlProblem() setting.Problem {
	if s.url == "" {
		return setting.Problem{}
	}
	problem := func(remedy, format string, args ...any) setting.Problem {
		return setting.Problem{Key: "url", Text: fmt.Sprintf(format, args...), Remedy: remedy}
	}
	const example = `write an absolute address, as url = "https://partner.example.com/api"`
	u, err := url.Parse(s.url)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https":
		return problem(example, "this is no absolute https address") // not quoted: it may hold a password
	case u.User != nil:
		return problem("put user and password into keys of their own", "the address holds a user or password")
	case u.RawQuery != "" || u.Fragment != "":
		return problem("leave out everything from ? or #", "the address holds a query or a fragment")
	case u.Scheme == "http" && !s.allowHTTP && !loopback(u.Hostname()):
		return problem("use https://, or set allow_http = true if the way to the partner is safe otherwise",
			"http:// would send secrets and data unencrypted to %s", u.Host)
	}
	return setting.Problem{}
}

// URL returns the base address without a trailing slash.
func (s *Settings) URL() string { return strings.TrimRight(s.url, "/") }

// PerDay is how many requests rate lets through in a day, 0 when there is no rate.
func (s *Settings) PerDay() int64 {
	if s.rate == rate.Inf {
		return 0
	}
	return int64(float64(s.rate)*24*60*60 + 0.5)
}

// Client returns the connection's client, which is made at the first call: one for all jobs on the connection.
// Base nil is the real network.
func (s *Settings) Client(base http.RoundTripper) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		s.client = newClient(s, base)
	}
	return s.client
}

// Close closes idle network connections. It is safe before the first use, and more than once.
func (s *Settings) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.http.CloseIdleConnections()
	}
	return nil
}

// setRate reads "5/s", "40/m" or "1000/h".
func (s *Settings) setRate(text string) error {
	if text == "" {
		s.rate = rate.Inf
		return nil
	}
	var err error
	s.rate, err = ParseRate(text)
	return err
}

// ParseRate reads "5/s", "40/m" or "1000/h".
func ParseRate(text string) (rate.Limit, error) {
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || n <= 0 || per == 0 {
		return 0, fmt.Errorf(`%q is no rate; write for example "5/s", "40/m" or "1000/h"`, text)
	}
	return rate.Limit(float64(n) / per), nil
}

// roots returns the certificate authorities of ca_file, nil for the system's.
func (s *Settings) roots() (*x509.CertPool, error) {
	if s.caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(s.caFile + " holds no certificate")
	}
	return pool, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
