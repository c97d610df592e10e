package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/state"
)

// statusLook is how milkrun status shows what it has found.
type statusLook struct {
	watch, json bool
	every       time.Duration
	color       string
}

// The words of --color.
const (
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

// paint is whether states have their colour.
type paint bool

func (l statusLook) paint(w io.Writer) paint {
	if l.color == colorAuto {
		return paint(terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
	}
	return l.color == colorAlways
}

// state colours a state, which is told in the operator's language already.
func (p paint) state(name, said string) string {
	code := map[string]int{"running": 36, "done": 32, "part": 33, "failed": 31, "halted": 31, "interrupted": 33, "paused": 33, "resumed": 33,
		"disabled": 90, "never ran": 90}[name]
	if !p || code == 0 {
		return said
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, said)
}

// printStatus prints the screen, in so many columns.
func (a *app) printStatus(v *statusView, p paint, columns int) {
	a.printDaemon(v)
	a.say("")
	a.printJobs(v, p, columns)
	for _, j := range v.Jobs {
		a.printUnderWay(j, v.At)
	}
	a.printReasons(v.Jobs, v.At)
}

// printDaemon says whose word this is, and what is wrong with the configuration.
func (a *app) printDaemon(v *statusView) {
	zone := a.zones().of("")
	switch {
	case !v.Daemon:
		a.say("no daemon is running; state in %s", v.State)
	case v.Since.IsZero():
		a.say("process %d holds the state in %s", v.PID, v.State)
	default:
		a.say("milkrun %s runs as process %d since %s (%s)", v.Version, v.PID, clock(v.Since, zone), shortly(v.At.Sub(v.Since)))
		a.say("configuration of %s from %s", clock(v.LoadedAt, zone), v.Config)
	}
	switch {
	case len(v.Problems) > 0 && v.Daemon:
		a.say("%s has %s as it is now; the daemon goes on with what it had", v.Config, count(len(v.Problems), "error"))
		a.sayNext("milkrun check lists them, each with its line")
	case len(v.Problems) > 0:
		a.say("%s has %s; these are the jobs that the state file knows", v.Config, count(len(v.Problems), "error"))
		a.sayNext("milkrun check lists them, each with its line")
	case v.Changed:
		a.say("%s was changed since", v.Config)
		a.sayNext("milkrun plan shows what that means; milkrun reload takes it up")
	}
	if v.Refused != "" {
		a.say("the daemon goes on with the configuration it had: %s", v.Refused)
		a.sayNext("mend the file, then milkrun reload")
	}
	for _, u := range v.Unopened {
		a.say("%s", u.What)
		a.sayNext(u.Remedy)
	}
}

// printJobs prints a line of every job. The checkpoint has what is left of the columns.
func (a *app) printJobs(v *statusView, p paint, columns int) {
	const least = 12 // columns of a checkpoint worth showing
	header := []any{"JOB", "STATE", "LAST", "RECORDS", "NEXT", "LAG", "DEAD"}
	rows := make([][]any, len(v.Jobs))
	for i, j := range v.Jobs {
		said := a.lang.Text(j.State)
		rows[i] = append([]any{j.Job, p.state(j.State, said)}, a.briefs(j, v.At)...)
	}
	left := columns
	for i, name := range header {
		column := views(rows, func(row []any) int {
			return text.StringWidthWithoutEscSequences(fmt.Sprint(a.cell(fmt.Sprint(name), row[i])))
		})
		left -= slices.Max(append(column, text.StringWidthWithoutEscSequences(a.lang.Text(fmt.Sprint(name))))) + 2
	}
	if left >= least {
		header = append(header, "CHECKPOINT")
		for i, j := range v.Jobs {
			rows[i] = append(rows[i], cut(j.place(v.At), left))
		}
	}
	a.printTable(header, rows, "no jobs")
}

// briefs are the figures of a job's line, a few columns each.
func (a *app) briefs(j jobView, now time.Time) []any {
	last, records, next, lag := "-", "", "by hand", "-"
	if j.LastRun != nil {
		last, records = a.lang.Sprintf("%s ago", briefly(now.Sub(j.LastRun.StartedAt))), grouped(j.LastRun.Delivered)
	}
	if j.Live != nil {
		records = grouped(max(j.Live.Delivered, j.Live.Done))
	}
	if !j.NextSlot.IsZero() {
		next = a.lang.Sprintf("in %s", briefly(j.NextSlot.Sub(now)))
	}
	if j.Lag != nil {
		lag = briefly(time.Duration(*j.Lag) * time.Second)
	}
	return []any{last, records, next, lag, grouped(j.Letters)}
}

// briefly writes a time span by its largest unit.
func briefly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// place writes how far a job has come.
func (v jobView) place(now time.Time) string {
	switch {
	case v.FullPass != nil:
		return "full pass, " + inWords(v.FullPass)
	case v.Checkpoint != nil:
		return inWords(v.Checkpoint)
	case !v.LastFull.IsZero():
		return fmt.Sprintf("complete, %s", ago(v.LastFull, now))
	}
	return "none"
}

// printUnderWay says what a job is at, and what waits for somebody to look.
func (a *app) printUnderWay(j jobView, now time.Time) {
	if j.Live != nil {
		a.say("\n%s, run %d: %s", j.Job, j.Live.Run, j.Live.Text)
		if j.Live.Trouble != "" {
			a.say("  trying again after: %s", strings.ReplaceAll(j.Live.Trouble, "\n", "; "))
			a.say("  it gives up in %s", shortly(max(j.Live.GiveUpAt.Sub(now), 0)))
		}
	}
	for _, o := range j.Overdue {
		a.say("\n%s is overdue: %s", j.Job, o.Text)
	}
	if b := j.Backfill; b != nil {
		a.say("\n%s: %d of %s of backfill %d are done, %s to %s", j.Job, b.DoneUnits, count(b.Units, "unit"), b.ID, b.From, b.To)
		if j.Live == nil {
			a.sayNext(order{Name: b.Job, From: b.From, To: b.To}.again() + " goes on with it")
		}
	}
	if j.Doubts > 0 {
		a.say("\n%s: nobody knows whether %s arrived", j.Job, count(j.Doubts, "batch"))
		a.sayNext("milkrun doubt list " + j.Job)
		a.sayNext("ask the partner what became of it, then: milkrun doubt settle ID --as sent|resend --note …; it is not sent again by itself")
	}
}

// printReasons says below the table why jobs stand as they do, and what to do. Jobs on one halted connection share a
// reason.
func (a *app) printReasons(list []jobView, now time.Time) {
	type why struct{ state, reason, remedy, resume string }
	jobs := map[why][]string{}
	for _, v := range list {
		w := why{v.State, v.Reason, v.Remedy, v.Resume}
		jobs[w] = append(jobs[w], v.Job)
	}
	for _, v := range list {
		w := why{v.State, v.Reason, v.Remedy, v.Resume}
		if v.Reason == "" || jobs[w][0] != v.Job {
			continue
		}
		a.say("\n%s: %s", subject(jobs[w], v.State), v.Reason)
		if len(jobs[w]) == 1 && (v.State == string(state.Failed) || v.State == string(state.Halted)) && !v.LastSuccess.IsZero() {
			a.say("  the last success was %s", ago(v.LastSuccess, now))
		}
		a.sayNext(v.Remedy)
		if v.Resume != "" {
			a.sayNext(resuming(v.Resume))
		}
	}
}

// subject begins a sentence: "affairs is halted", "affairs, late are halted", "grades failed".
func subject(jobs []string, how string) string {
	verb := " is "
	switch {
	case how == string(state.Failed):
		verb = " "
	case len(jobs) > 1:
		verb = " are "
	}
	return fmt.Sprint(strings.Join(jobs, ", "), verb, how)
}
