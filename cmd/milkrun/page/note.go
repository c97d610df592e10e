package page

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// note tells, on the next page, what came of a form.
type note struct {
	Bad          bool
	Text, Remedy string
	until        time.Time
}

const (
	noteCookie  = "milkrun_note"
	noteLife    = 5 * time.Minute
	mostNotes   = 200
	longestNote = 32 << 10 // bytes
)

// notes are kept here and not in the cookie, which only names one: nobody can make a page say something.
type notes struct {
	mu   sync.Mutex
	list map[string]note
}

// leave keeps a note for the next page of a browser.
func (n *notes) leave(w http.ResponseWriter, r *http.Request, what note) {
	what.Text, what.Remedy, what.until = cut(what.Text, longestNote), cut(what.Remedy, longestNote), time.Now().Add(noteLife)
	id := rand.Text()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.list == nil {
		n.list = map[string]note{}
	}
	for old, one := range n.list {
		if len(n.list) >= mostNotes || time.Now().After(one.until) {
			delete(n.list, old)
		}
	}
	n.list[id] = what
	http.SetCookie(w, cookie(r, noteCookie, id, int(noteLife.Seconds())))
}

// take returns the note for a page, nil when there is none, and forgets it.
func (n *notes) take(w http.ResponseWriter, v *visit) *note {
	c, err := v.Cookie(noteCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(w, cookie(v.Request, noteCookie, "", -1))
	n.mu.Lock()
	defer n.mu.Unlock()
	one, found := n.list[c.Value]
	delete(n.list, c.Value)
	if !found || time.Now().After(one.until) {
		return nil
	}
	return &one
}

// cookie is one that only this page's own requests carry, and that no script reads.
func cookie(r *http.Request, name, value string, age int) *http.Cookie {
	//nolint:gosec // without TLS a secure cookie would not come back: on loopback, a Unix socket, or behind a proxy
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode}
}
