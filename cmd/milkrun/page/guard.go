package page

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"milkrun/cmd/milkrun/control"
)

// What a request may weigh. Nothing this page asks for comes near it.
const (
	longestHeader = 16 << 10 // bytes
	longestBody   = 64 << 10
)

// guard refuses what no person with this page in front of them sends.
func (p *page) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		v := p.visit(r)
		switch {
		case weight(r) > longestHeader:
			p.turnAway(w, v, http.StatusRequestHeaderFieldsTooLarge, "an oversized header", "err.header")
		case !ownHost(r):
			p.turnAway(w, v, http.StatusMisdirectedRequest, "a Host that is not of this machine", "err.host")
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			w.Header().Set("Allow", "GET, HEAD, POST")
			p.turnAway(w, v, http.StatusMethodNotAllowed, "an unknown method", "err.method")
		case cross.Check(r) != nil:
			p.turnAway(w, v, http.StatusForbidden, "a form of another site", "err.cross")
		default:
			r.Body = http.MaxBytesReader(w, r.Body, longestBody)
			next.ServeHTTP(w, r)
		}
	})
}

// protect sets what a browser is to forbid this page: to load, run or send anything that is not of this page, and to be
// framed by others. The referrer stays within the page; "no-referrer" would make browsers send forms with "Origin: null",
// which is that of any sandboxed frame too.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Language, Cookie")
}

// weight is the size of a request's header, about.
func weight(r *http.Request) int {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n
}

// ownHost says whether a request that came over loopback was meant for this machine. A site elsewhere can have its own
// name point to 127.0.0.1, and would be the same origin then; its name still stands in Host. Whoever comes over a Unix
// socket, or through the network with a token, may call this machine as they like.
func ownHost(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		tcp, isTCP := local.(*net.TCPAddr)
		if !isTCP || !tcp.IP.IsLoopback() {
			return true
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// turnAway refuses a request, and notes it without anything that was sent but its method and path.
func (p *page) turnAway(w http.ResponseWriter, v *visit, status int, why, key string) {
	p.Log.WithField("method", cut(v.Method, 10)).WithField("path", cut(v.URL.Path, 100)).WithField("from", remote(v.Request)).
		Warn("the page refused " + why)
	p.refuse(w, v, status, problem{Title: v.say("err.refused"), Text: v.say(key), Remedy: v.say(key + ".remedy")})
}

// remote is where a request came from.
func remote(r *http.Request) string {
	if name := control.Caller(r.Context()); name != "" {
		return name
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return "unix"
}

// who is the operator, as far as it is known.
func who(r *http.Request) string { return "page (" + remote(r) + ")" }
