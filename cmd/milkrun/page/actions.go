package page

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// By is who acts, and why. Why is empty where an operator need not say it.
type By struct{ Who, Why string }

// How is which records a run moves: with nothing in it what is new. From and To are bounds as an operator writes them, ""
// for none.
type How struct {
	Full     bool // everything
	From, To string
}

// Actions do what the commands of the same names do, and record who did it and why. Each returns what to tell the
// operator, in a sentence or a few lines, also beside an error when something was done before it. An error's remedy is
// that of a [control.Fault], a [feed.Error] or the state file. They are called by several goroutines at once, and return
// when what was asked for has happened or has begun.
type Actions interface {
	// Trigger begins a run now, Cancel ends the one under way at the next batch border.
	Trigger(ctx context.Context, by By, job string, how How) (string, error)
	Cancel(ctx context.Context, by By, job string) (string, error)
	// Pause lets the slots of a job pass; Resume ends the pause of a job, and the halt of a job or connection.
	Pause(ctx context.Context, by By, job string) (string, error)
	Resume(ctx context.Context, by By, name string) (string, error)
	// RetryLetters delivers dead letters of a job again; without ids all open ones. A dry run sends nothing, and tells what
	// would be sent.
	RetryLetters(ctx context.Context, by By, job string, ids []int64, dryRun bool) (string, error)
	// DropLetters closes dead letters, all or none.
	DropLetters(ctx context.Context, by By, ids []int64) (string, error)
	// UndoCheckpoint takes back the last change that an operator made to a checkpoint.
	UndoCheckpoint(ctx context.Context, by By, job string, lane state.Lane) (string, error)
	// Settle says what became of a batch in doubt: state.OutcomeSent or state.OutcomeResend.
	Settle(ctx context.Context, by By, batch, outcome string) (string, error)
	// Reload reads jobs.toml again.
	Reload(ctx context.Context, by By) (string, error)
}

// deed is something that a form asks for.
type deed struct {
	needsWhy bool // as on the command line
	do       func(p *page, f form, by By) (string, error)
}

var deeds = map[string]deed{
	"trigger": {do: func(p *page, f form, by By) (string, error) { return p.Actions.Trigger(f.Context(), by, f.job, f.how) }},
	"cancel":  {do: func(p *page, f form, by By) (string, error) { return p.Actions.Cancel(f.Context(), by, f.job) }},
	"pause":   {do: func(p *page, f form, by By) (string, error) { return p.Actions.Pause(f.Context(), by, f.job) }},
	"resume":  {do: func(p *page, f form, by By) (string, error) { return p.Actions.Resume(f.Context(), by, f.job) }},
	"reload":  {do: func(p *page, f form, by By) (string, error) { return p.Actions.Reload(f.Context(), by) }},
	"preview": {do: func(p *page, f form, by By) (string, error) { return p.retry(f, by, true) }},
	"retry":   {do: func(p *page, f form, by By) (string, error) { return p.retry(f, by, false) }},
	"drop":    {needsWhy: true, do: func(p *page, f form, by By) (string, error) { return p.drop(f, by) }},
	"undo": {needsWhy: true, do: func(p *page, f form, by By) (string, error) {
		return p.Actions.UndoCheckpoint(f.Context(), by, f.job, f.lane)
	}},
	"settle-sent":   settle(state.OutcomeSent),
	"settle-resend": settle(state.OutcomeResend),
}

// form is what somebody filled in.
type form struct {
	*visit
	do, job, why string
	how          How
	lane         state.Lane
	batch        string
	ids          []int64
	all          bool // all open letters of the job
}

const longestWhy = 500 // characters

func (p *page) act(w http.ResponseWriter, r *http.Request) {
	v := p.visit(r)
	if !p.ours(w, v) {
		return
	}
	f := form{visit: v, do: r.PostForm.Get("do"), job: r.PostForm.Get("job"), why: mask.Scrub(clean(r.PostForm.Get("why"))),
		how:  How{r.PostForm.Get("full") != "", clean(r.PostForm.Get("from")), clean(r.PostForm.Get("to"))},
		lane: state.Lane(r.PostForm.Get("lane")), batch: clean(r.PostForm.Get("batch")), all: r.PostForm.Get("all") != ""}
	for _, text := range r.PostForm["id"] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			f.ids = append(f.ids, id)
		}
	}
	p.notes.leave(w, r, p.perform(f))
	leadBack(w, r)
}

// leadBack goes on after a form where somebody came from.
func leadBack(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, back(r.PostForm.Get("back")), http.StatusSeeOther) //nolint:gosec // back leads nowhere else
}

// perform does what a form asks for, and says what came of it.
func (p *page) perform(f form) note {
	d, known := deeds[f.do]
	switch {
	case !known:
		return note{Bad: true, Text: f.say("err.nodeed")}
	case d.needsWhy && f.why == "":
		return note{Bad: true, Text: f.say("err.nowhy"), Remedy: f.say("err.nowhy.remedy")}
	case f.job != "" && !f.knownName(f.job):
		return note{Bad: true, Text: f.near(f.job)}
	}
	said, err := d.do(p, f, By{Who: who(f.Request), Why: f.why})
	switch {
	case errors.Is(err, errNoneChosen):
		return note{Bad: true, Text: f.say("err.noletters"), Remedy: f.say("err.noletters.remedy")}
	case err != nil:
		return note{Bad: true, Text: f.tellLines(said + "\n" + err.Error()), Remedy: f.tellLines(remedyOf(err))}
	case said == "":
		return note{Text: f.say("done")}
	}
	return note{Text: f.tellLines(said)}
}

var errNoneChosen = errors.New("no letters")

// retry tries dead letters again, those of each job by themselves.
func (p *page) retry(f form, by By, dryRun bool) (string, error) {
	if f.all && f.job != "" {
		return p.Actions.RetryLetters(f.Context(), by, f.job, nil, dryRun)
	}
	jobs := map[string][]int64{}
	var order, said []string
	for _, id := range f.ids {
		l, err := p.Store.Letter(f.Context(), id)
		if err != nil {
			return "", err
		}
		if jobs[l.Job] = append(jobs[l.Job], id); len(jobs[l.Job]) == 1 {
			order = append(order, l.Job)
		}
	}
	if len(order) == 0 {
		return "", errNoneChosen
	}
	for _, job := range order {
		text, err := p.Actions.RetryLetters(f.Context(), by, job, jobs[job], dryRun)
		said = append(said, text)
		if err != nil {
			return strings.Join(said, "\n"), err
		}
	}
	return strings.Join(said, "\n"), nil
}

func (p *page) drop(f form, by By) (string, error) {
	if len(f.ids) == 0 {
		return "", errNoneChosen
	}
	return p.Actions.DropLetters(f.Context(), by, slices.Compact(slices.Sorted(slices.Values(f.ids))))
}

// ours reads a form, and refuses one that is none of this process's own.
func (p *page) ours(w http.ResponseWriter, v *visit) bool {
	if err := v.ParseForm(); err != nil {
		p.turnAway(w, v, http.StatusRequestEntityTooLarge, "the form cannot be read", "err.body")
		return false
	}
	if subtle.ConstantTimeCompare([]byte(v.PostForm.Get("form")), []byte(p.form)) != 1 {
		p.turnAway(w, v, http.StatusForbidden, "a form that is not of this page", "err.form")
		return false
	}
	return true
}

// clean is a text of an operator in one line.
func clean(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	if runes := []rune(text); len(runes) > longestWhy {
		text = string(runes[:longestWhy])
	}
	return text
}

// back is where to go after a form: a place within the page.
func back(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || len(to) > 2000 {
		return "/"
	}
	return to
}

// remedyOf is what to do about an error, "" when nobody knows.
func remedyOf(err error) string {
	if f, ok := errors.AsType[*control.Fault](err); ok {
		return f.Remedy
	}
	if e, ok := errors.AsType[*feed.Error](err); ok {
		return e.Remedy
	}
	return state.Remedy(err)
}
