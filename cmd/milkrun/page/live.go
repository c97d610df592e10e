package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const eventStream = "text/event-stream"

// stream sends the parts of a page that change, each when it has become another one, until the browser leaves, the server
// ends, or it has lived long enough.
func (p *page) stream(w http.ResponseWriter, r *http.Request, show view) {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		p.turnAway(w, p.visit(r), http.StatusForbidden, "a stream for another site", "err.cross")
		return
	}
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, p.visit(r).say("err.streams"), http.StatusServiceUnavailable)
		return
	}
	s := &sender{page: p, w: w, out: http.NewResponseController(w), sent: map[string]string{}}
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front shall not hold it back
	tick := time.NewTicker(p.pace)
	defer tick.Stop()
	end := time.NewTimer(streamLife)
	defer end.Stop()
	for s.look(r, show) {
		select {
		case <-r.Context().Done():
			return
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// sender is one stream.
type sender struct {
	*page
	w     http.ResponseWriter
	out   *http.ResponseController
	sent  map[string]string // by id, as it was sent last
	shape []string          // the ids of the page
	last  time.Time         // something was sent
}

// quiet is how long a stream may say nothing before it shows that it is alive.
const quiet = 15 * time.Second

// look sends what has changed. It returns false when the stream is over.
func (s *sender) look(r *http.Request, show view) bool {
	v := s.visit(r)
	v.fresh = false
	c, err := show(v)
	if err == nil {
		var stand fragment
		if stand, err = v.header(); err == nil {
			c.live = append([]fragment{stand}, c.live...)
		}
	}
	if err != nil { // the next look may see more; the page itself says what is wrong
		return s.say("trouble", "{}") == nil
	}
	changed, err := s.changed(v, c.live)
	switch {
	case err != nil:
		s.Log.WithError(err).Error("the page cannot be made")
		return false
	case changed != nil:
		return s.send("parts", changed) == nil
	case time.Since(s.last) > quiet:
		return s.send("alive", &update{At: s.clock(v)}) == nil
	}
	return true
}

// update is what the script gets: the parts to put in place, or that the page has others now and is to be loaded again.
type update struct {
	Parts  []partUpdate `json:"parts,omitempty"`
	Reload bool         `json:"reload,omitempty"`
	At     string       `json:"at"`
}

type partUpdate struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

func (s *sender) changed(v *visit, list []fragment) (*update, error) {
	u := &update{At: s.clock(v)}
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.ID
		var html bytes.Buffer
		if err := v.templates.ExecuteTemplate(&html, f.Name, f.Data); err != nil {
			return nil, err
		}
		if text := html.String(); s.sent[f.ID] != text || s.shape == nil {
			s.sent[f.ID] = text
			u.Parts = append(u.Parts, partUpdate{f.ID, text})
		}
	}
	if s.shape != nil && !slices.Equal(s.shape, ids) {
		u.Reload = true
	}
	s.shape = ids
	if len(u.Parts) == 0 && !u.Reload {
		return nil, nil
	}
	return u, nil
}

func (s *sender) clock(v *visit) string { return v.now.In(s.Config().Location).Format(time.TimeOnly) }

func (s *sender) send(event string, u *update) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return s.say(event, string(text))
}

func (s *sender) say(event, data string) error {
	s.last = time.Now()
	_ = s.out.SetWriteDeadline(s.last.Add(streamWrite)) // a test's recorder has none
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.out.Flush()
}
