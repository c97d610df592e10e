package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/secret"
)

// Options are what the page shows and acts with. All but Metrics, Token, Translate and Now are needed.
type Options struct {
	Store *state.Store // only read
	// Config returns the configuration that the daemon works with now, Running the runs under way, ahead of the state file.
	Config  func() *config.Config
	Running func() []standing.Meter
	Actions Actions
	Metrics http.Handler // at /metrics; nil: none
	Version string
	// Token lets in whoever names it; empty: none is needed.
	Token secret.Secret
	// Translate says in a language ("zh") what the engine and the partners said in English; nil leaves it as it is.
	Translate func(lang, text string) string
	Now       func() time.Time // nil: time.Now
	Log       *logrus.Logger
}

// page is the handler.
type page struct {
	Options
	sets    map[lang]set
	key     []byte // of this process: signs logins
	form    string // of this process: what only its own forms know
	assets  assets
	cache   cache
	notes   notes
	tries   tries
	streams chan struct{} // one for each stream there may still be
	pace    time.Duration // of the streams
}

// The bounds of the live streams.
const (
	maxStreams  = 32
	streamPace  = time.Second
	streamLife  = 15 * time.Minute // the browser then asks again, and its login is looked at again
	streamWrite = 10 * time.Second // for a browser that takes nothing any more
)

// New returns the page as a handler. It sets no timeouts, which are the server's affair; [Serve] does.
func New(o Options) http.Handler { return newPage(o).handler() }

func newPage(o Options) *page {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Translate == nil {
		o.Translate = func(_, text string) string { return text }
	}
	files := newAssets()
	return &page{Options: o, sets: newSets(files), key: []byte(rand.Text()), form: rand.Text(), assets: files,
		streams: make(chan struct{}, maxStreams), pace: streamPace}
}

// handler is everything there is, behind the guards.
func (p *page) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, view := range map[string]view{
		"/{$}":                   p.overview,
		"/jobs/{job}":            p.job,
		"/jobs/{job}/checkpoint": p.checkpoint,
		"/backfills/{id}":        p.backfill,
		"/runs":                  p.runs,
		"/runs/{id}":             p.run,
		"/calendar":              p.calendar,
		"/calendar/{job}/{day}":  p.day,
		"/letters":               p.letters,
		"/letters/{id}":          p.letter,
		"/changes":               p.changes,
	} {
		mux.Handle("GET "+pattern, p.showing(view))
	}
	mux.HandleFunc("POST /do", p.act)
	mux.HandleFunc("POST /language", p.switchLanguage)
	mux.HandleFunc("POST /logout", p.logout)
	if p.Metrics != nil {
		mux.Handle("GET /metrics", p.Metrics)
	}
	mux.Handle("/", p.showing(func(*visit) (content, error) { return content{}, errNoPage }))
	open := http.NewServeMux() // without a login
	open.HandleFunc("POST /login", p.login)
	for name := range p.assets {
		open.HandleFunc("GET /"+name, p.asset)
	}
	open.Handle("/", p.known(mux))
	return p.guard(open)
}

// view makes the content of a page.
type view func(v *visit) (content, error)

// content is a page without its frame.
type content struct {
	title string
	nav   string // the entry of the navigation that it belongs to
	name  string // of its template
	data  any
	live  []fragment // the parts of it that change while somebody looks
}

// visit is a request with what all views need.
type visit struct {
	*page
	*http.Request
	set
	now   time.Time
	fresh bool // wants to see what has happened by now; a stream does not mind a moment
	seen  *snapshot
}

func (p *page) visit(r *http.Request) *visit {
	return &visit{page: p, Request: r, set: p.sets[choose(r)], now: p.Now(), fresh: true}
}

// What a view can say instead of a content.
var (
	errNoPage = errors.New("no page")
	errNoJob  = errors.New("no job")
)

// showing serves a view as a page, or as a stream of what changes in it.
func (p *page) showing(show view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == eventStream {
			p.stream(w, r, show)
			return
		}
		v := p.visit(r)
		c, err := show(v)
		if err != nil {
			p.fail(w, v, err)
			return
		}
		p.write(w, v, http.StatusOK, c)
	})
}

// sheet is what the frame of a page is made from.
type sheet struct {
	Title, Nav, Lang, Other, Version string
	Path                             string // to come back to
	Form                             string
	Login                            bool // there is somebody to log out
	Live                             bool
	Stand                            *fragment
	Note                             *note
	Now                              stamp
	Again                            bool // the page asks for itself once more
	Name                             string
	Data                             any
}

// write sends a page.
func (p *page) write(w http.ResponseWriter, v *visit, status int, c content) {
	s := sheet{Title: c.title, Nav: c.nav, Lang: v.lang.tag(), Other: string(v.lang.other()), Version: p.Version, Path: back(v.URL.RequestURI()),
		Form: p.form, Login: !p.Token.Empty(), Live: len(c.live) > 0, Note: p.notes.take(w, v), Name: c.name, Data: c.data}
	if conf := p.Config(); conf != nil {
		s.Now = v.stamp(v.now, conf.Location)
	}
	if stand, err := v.header(); err == nil {
		s.Stand = &stand
	}
	p.render(w, v, status, s)
}

// render sends a frame, which is made as a whole before the first byte leaves.
func (p *page) render(w http.ResponseWriter, v *visit, status int, s sheet) {
	var body bytes.Buffer
	if err := v.templates.ExecuteTemplate(&body, "frame", s); err != nil {
		p.Log.WithError(err).WithField("page", s.Name).Error("the page cannot be made")
		http.Error(w, v.say("err.broken"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if v.Method != http.MethodHead {
		_, _ = body.WriteTo(w) // the reader may be gone
	}
}

// problem is a page that says what is wrong and what to do.
type problem struct{ Title, Text, Remedy string }

// fail sends what a view could not show.
func (p *page) fail(w http.ResponseWriter, v *visit, err error) {
	switch {
	case errors.Is(err, errNoJob):
		p.refuse(w, v, http.StatusNotFound, problem{v.say("err.nojob"), v.near(v.PathValue("job")), ""})
	case errors.Is(err, errNoPage), errors.Is(err, state.ErrNotFound):
		p.refuse(w, v, http.StatusNotFound, problem{v.say("err.nopage"), v.say("err.nopage.text"), ""})
	case errors.Is(err, context.Canceled):
	default:
		p.Log.WithError(err).Error("the page cannot show the state")
		p.refuse(w, v, http.StatusInternalServerError, problem{v.say("err.state"), v.tell(err.Error()), v.tell(remedyOf(err))})
	}
}

func (p *page) refuse(w http.ResponseWriter, v *visit, status int, what problem) {
	p.render(w, v, status, sheet{Title: what.Title, Lang: v.lang.tag(), Other: string(v.lang.other()), Version: p.Version,
		Path: "/", Form: p.form, Name: "problem", Data: what})
}

// fragment is a part of a page that is sent again when it changes.
type fragment struct {
	ID, Tag, Class, Name string
	Data                 any
}

// set is everything that depends on the language.
type set struct {
	lang      lang
	phrases   map[string]string
	templates *template.Template
}

func newSets(files assets) map[lang]set {
	sets := map[lang]set{}
	for _, l := range []lang{english, chinese} {
		sets[l] = newSet(l, files)
	}
	return sets
}

func newSet(l lang, files assets) set {
	s := set{lang: l, phrases: l.phrases()}
	t := template.New("")
	part := func(name string, data any) (template.HTML, error) {
		var out bytes.Buffer
		err := t.ExecuteTemplate(&out, name, data)
		return template.HTML(out.String()), err //nolint:gosec // html/template made it
	}
	t.Funcs(template.FuncMap{
		"t": s.say, "part": part, "asset": files.address, "s": func(one any) string { return fmt.Sprint(one) },
		"live": func(f fragment) (template.HTML, error) { return f.html(part) },
	})
	s.templates = template.Must(t.ParseFS(embedded, "assets/*.html"))
	return s
}

// html is a fragment within its element. Its names are ours, and those of jobs, which are letters, digits, - and _.
func (f fragment) html(part func(string, any) (template.HTML, error)) (template.HTML, error) {
	inner, err := part(f.Name, f.Data)
	if err != nil {
		return "", err
	}
	id, class := template.HTMLEscapeString(f.ID), template.HTMLEscapeString(f.Class)
	return template.HTML(fmt.Sprintf(`<%[1]s id="%[2]s" class="%[3]s">%[4]s</%[1]s>`, f.Tag, id, class, inner)), nil //nolint:gosec // escaped
}
