package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	loginCookie = "milkrun_login"
	loginLife   = 12 * time.Hour
)

// known lets in who has logged in or names the token, and shows the others the way.
func (p *page) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(r)
		switch {
		case p.Token.Empty(), p.loggedIn(r):
			next.ServeHTTP(w, r)
		case r.Header.Get("Authorization") != "":
			p.byHeader(w, v, next)
		case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate":
			// Somebody follows a link from elsewhere: the browser keeps the login back. It does not when the page itself asks.
			p.render(w, v, http.StatusOK, sheet{Title: "milkrun", Lang: v.lang.tag(), Other: string(v.lang.other()), Form: p.form, Path: "/", Name: "again", Again: true})
		default:
			p.askLogin(w, v, http.StatusUnauthorized, "")
		}
	})
}

func (p *page) byHeader(w http.ResponseWriter, v *visit, next http.Handler) {
	token, _ := strings.CutPrefix(v.Header.Get("Authorization"), "Bearer ")
	switch p.judge(v.Request, token) {
	case admitted:
		next.ServeHTTP(w, v.Request)
	case tooOften:
		p.slowDown(w, v)
	default:
		p.turnAway(w, v, http.StatusUnauthorized, "a wrong token", "err.token")
	}
}

// login answers the login form.
func (p *page) login(w http.ResponseWriter, r *http.Request) {
	v := p.visit(r)
	if !p.ours(w, v) {
		return
	}
	switch p.judge(r, r.PostForm.Get("token")) {
	case admitted:
		http.SetCookie(w, cookie(r, loginCookie, p.pass(time.Now().Add(loginLife)), int(loginLife.Seconds())))
		leadBack(w, r)
	case tooOften:
		p.slowDown(w, v)
	default:
		p.Log.WithField("from", remote(r)).Warn("the page refused a wrong token")
		p.askLogin(w, v, http.StatusUnauthorized, v.say("err.token"))
	}
}

func (p *page) logout(w http.ResponseWriter, r *http.Request) {
	if !p.ours(w, p.visit(r)) {
		return
	}
	http.SetCookie(w, cookie(r, loginCookie, "", -1))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// gate is what the login form is made from.
type gate struct{ Wrong, Back, Form string }

func (p *page) askLogin(w http.ResponseWriter, v *visit, status int, wrong string) {
	to := back(v.URL.RequestURI())
	if v.Method == http.MethodPost {
		to = back(v.PostFormValue("back"))
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="milkrun"`)
	p.render(w, v, status, sheet{Title: v.say("login"), Lang: v.lang.tag(), Other: string(v.lang.other()), Form: p.form, Path: "/",
		Name: "login", Data: gate{Wrong: wrong, Back: to, Form: p.form}})
}

func (p *page) slowDown(w http.ResponseWriter, v *visit) {
	w.Header().Set("Retry-After", strconv.Itoa(int(tryAgain.Seconds())))
	p.turnAway(w, v, http.StatusTooManyRequests, "a token after too many wrong ones", "err.often")
}

// pass is the value of the cookie of a login: until when, and a sign that this process gave it.
func (p *page) pass(until time.Time) string {
	text := strconv.FormatInt(until.Unix(), 10)
	sign := hmac.New(sha256.New, p.key)
	sign.Write([]byte(text))
	return text + "." + hex.EncodeToString(sign.Sum(nil))
}

func (p *page) loggedIn(r *http.Request) bool {
	c, err := r.Cookie(loginCookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(c.Value, ".")
	until, err := strconv.ParseInt(text, 10, 64)
	return err == nil && hmac.Equal([]byte(p.pass(time.Unix(until, 0))), []byte(c.Value)) && time.Now().Unix() < until
}

// verdict is what becomes of somebody who names a token.
type verdict int

const (
	wrong verdict = iota
	admitted
	tooOften
)

// judge compares a token in a time that says nothing about it. Who was wrong too often is not looked at for a while.
func (p *page) judge(r *http.Request, token string) verdict {
	limit := p.tries.of(r)
	if limit.Tokens() < 1 {
		return tooOften
	}
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(p.Token.Reveal()))
	if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
		return admitted
	}
	limit.Allow()
	return wrong
}

// Five wrong tokens at once, then one in a while, from each address.
const (
	tryAgain    = 12 * time.Second
	triesAtOnce = 5
	mostTriers  = 1000
)

// tries counts wrong tokens by address. When there are too many addresses, new ones share one limit.
type tries struct {
	mu     sync.Mutex
	limits map[netip.Prefix]*rate.Limiter
}

func (t *tries) of(r *http.Request) *rate.Limiter {
	from := origin(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits == nil {
		t.limits = map[netip.Prefix]*rate.Limiter{}
	}
	if len(t.limits) >= mostTriers {
		for old, limit := range t.limits {
			if limit.Tokens() >= triesAtOnce {
				delete(t.limits, old)
			}
		}
	}
	if t.limits[from] == nil {
		if len(t.limits) >= mostTriers {
			from = netip.Prefix{}
		}
		if t.limits[from] == nil {
			t.limits[from] = rate.NewLimiter(rate.Every(tryAgain), triesAtOnce)
		}
	}
	return t.limits[from]
}

// origin is the address of a caller, and for IPv6 the network, of which one caller has all addresses.
func origin(r *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		bits = 64
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
