package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/kind"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, cert: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) issue(from, to time.Time, names ...string) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: to, DNSNames: names}
	if len(names) == 0 {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

func serveTLS(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func look(t *testing.T, keys map[string]any) []kind.Finding {
	t.Helper()
	return settings(t, keys).Probe(t.Context(), kind.Env{})
}

// finding returns the finding of a check, which must be of a level and say something.
func finding(t *testing.T, list []kind.Finding, level kind.Level, check, says string) {
	t.Helper()
	for _, f := range list {
		if f.Check != check {
			continue
		}
		if f.Level != level || !strings.Contains(f.Text, says) || (f.Remedy == "") != (level == kind.Good) {
			t.Errorf("%+v, want %s that says %q", f, level, says)
		}
		return
	}
	t.Errorf("no finding about %s: %+v", check, list)
}

func TestProbeCertificates(t *testing.T) {
	a, now := newAuthority(t), time.Now()
	year := now.AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		cert  tls.Certificate
		ca    bool
		level kind.Level
		says  string
	}{
		"good":          {a.issue(now.AddDate(-1, 0, 0), year), true, kind.Good, "good until " + year.UTC().Format(time.DateOnly)},
		"expires soon":  {a.issue(now.AddDate(-1, 0, 0), now.AddDate(0, 0, 10)), true, kind.Warning, "(9 days)"},
		"expired":       {a.issue(now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1)), true, kind.Bad, "expired on " + now.AddDate(0, 0, -1).UTC().Format(time.DateOnly)},
		"not yet":       {a.issue(now.AddDate(0, 0, 2), year), true, kind.Bad, "good from"},
		"another's":     {a.issue(now.AddDate(-1, 0, 0), year, "a.example", "b.example"), true, kind.Bad, "is for a.example, b.example, not for 127.0.0.1"},
		"of nobody":     {a.issue(now.AddDate(-1, 0, 0), year), false, kind.Bad, "CN=Test Authority issued"},
		"without names": {a.issue(now.AddDate(-1, 0, 0), year, ""), true, kind.Bad, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := map[string]any{"url": serveTLS(t, c.cert)}
			if c.ca {
				keys["ca_file"] = a.file
			}
			list := look(t, keys)
			finding(t, list, kind.Good, "tcp", "connected to 127.0.0.1:")
			finding(t, list, c.level, "certificate", c.says)
			if c.level != kind.Bad {
				finding(t, list, kind.Good, "http", "HTTP 404")
				finding(t, list, kind.Good, "clock", "agree")
			}
		})
	}
}

func TestProbeWhatAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header map[string]string
		level  kind.Level
		check  string
		says   string
	}{
		"not found":   {404, nil, kind.Good, "http", "HTTP 404"},
		"no methods":  {405, nil, kind.Good, "http", "HTTP 405"},
		"redirect":    {302, map[string]string{"Location": "http://127.0.0.1:1/"}, kind.Good, "http", "HTTP 302"},
		"gateway":     {503, nil, kind.Warning, "http", "HTTP 503"},
		"proxy":       {407, nil, kind.Bad, "http", "HTTP 407"},
		"a bit off":   {200, map[string]string{"Date": time.Now().Add(-30 * time.Second).UTC().Format(http.TimeFormat)}, kind.Warning, "clock", "ahead of"},
		"behind":      {200, map[string]string{"Date": time.Now().Add(31 * time.Second).UTC().Format(http.TimeFormat)}, kind.Warning, "clock", "behind the partner"},
		"quite wrong": {200, map[string]string{"Date": time.Now().Add(-8 * time.Hour).UTC().Format(http.TimeFormat)}, kind.Bad, "clock", "ahead of"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan *http.Request, 8)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got <- r
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
			}))
			defer s.Close()
			finding(t, look(t, map[string]any{"url": s.URL + "/api", "rate": "1/h"}), c.level, c.check, c.says)
			if n, r := len(got), <-got; n != 1 || r.Method != http.MethodHead || r.URL.String() != "/api" || r.ContentLength > 0 || r.Header.Get("Authorization") != "" {
				t.Errorf("%d requests, the first is %+v", n, r)
			}
		})
	}
}

func TestProbeClock(t *testing.T) {
	sent := time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)
	came := sent.Add(3 * time.Second)
	for date, want := range map[string]kind.Level{
		"Sun, 01 Mar 2026 12:00:01 GMT": kind.Good,
		"Sun, 01 Mar 2026 11:59:55 GMT": kind.Good, // written at 11:59:55.999 at the latest: 4.5 s
		"Sun, 01 Mar 2026 11:59:54 GMT": kind.Warning,
		"Sun, 01 Mar 2026 12:00:08 GMT": kind.Good,
		"Sun, 01 Mar 2026 12:00:09 GMT": kind.Warning,
		"Sun, 01 Mar 2026 12:02:04 GMT": kind.Bad,
		"":                              "",
		"yesterday":                     "",
	} {
		f, _ := clock(http.Header{"Date": {date}}, sent, came)
		if f.Level != want {
			t.Errorf("%q: %+v", date, f)
		}
	}
	if _, told := clock(http.Header{"Date": {"Sun, 01 Mar 2026 11:00:00 GMT"}, "Age": {"3600"}}, sent, came); told {
		t.Error("an answer from a cache was taken")
	}
}

func TestProbeOfNobody(t *testing.T) {
	var lc net.ListenConfig
	silent, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, c := range map[string]struct {
		keys        map[string]any
		check, says string
	}{
		"refused": {map[string]any{"url": "http://" + closed.Addr().String()}, "tcp", "connection refused"},
		"silent":  {map[string]any{"url": "http://" + silent.Addr().String(), "timeout": "200ms"}, "http", "no answer of 127.0.0.1"},
		"no tls":  {map[string]any{"url": strings.Replace(plain.URL, "http:", "https:", 1)}, "http", "gives no answer"},
		"no name": {map[string]any{"url": "https://partner.invalid"}, "dns", "partner.invalid cannot be looked up"},
	} {
		t.Run(name, func(t *testing.T) { finding(t, look(t, c.keys), kind.Bad, c.check, c.says) })
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if list := settings(t, map[string]any{"url": plain.URL}).Probe(ctx, kind.Env{}); list[len(list)-1].Level != kind.Bad {
		t.Errorf("%+v", list)
	}
}

func TestProbeThroughAProxyHidesItsPassword(t *testing.T) {
	p := &probe{begun: time.Now()}
	proxy := httptest.NewServer(http.NotFoundHandler())
	defer proxy.Close()
	// ProxyFromEnvironment reads the environment once a process, so the request tells its proxy itself.
	p.proxy = strings.TrimPrefix(proxy.URL, "http://")
	req := httptest.NewRequest(http.MethodHead, "https://user:hunter2@partner.example", http.NoBody)
	p.failed(t.Context(), req, context.DeadlineExceeded)
	list := p.list()
	if strings.Contains(list[0].Text+list[0].Remedy, "hunter2") || !strings.Contains(list[0].Text, "the proxy 127.0.0.1") {
		t.Errorf("%+v", list)
	}
}
