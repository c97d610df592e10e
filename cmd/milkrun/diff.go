package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/recorder"
)

// differing is what is compared.
type differing struct {
	dir, with    string
	push, values bool
	asJSON       bool
}

func (a *app) diffCommand() *cobra.Command {
	var d differing
	cmd := &cobra.Command{
		Use:   "diff DIR [JOB|DIR]",
		Short: "Say where a partner, or another recording, differs from a recording",
		Long: `Ask the partner again what was asked when DIR was recorded, and say where its answers differ: the status, headers that
matter, fields that came, went or changed their type, times that are written otherwise, codes and what they say, and how
many rows a page has. Data may differ, unless --values asks for it. JOB is the one that was recorded when left out.

Only pages are read, which changes nothing anywhere, and nothing is kept. With --push the job is run for real, so that its
deliveries can be compared as well. Between two recordings nobody is asked.

The exit code is 0 when nothing differs, and 1 when something does.`,
		Example: `  milkrun diff recording-grades-20261122-101500
  milkrun diff recording-grades-20261122-101500 grades --json
  milkrun diff before after --values`,
		Args: arguments(cobra.RangeArgs(1, 2)),
	}
	f := cmd.Flags()
	f.BoolVar(&d.push, "push", false, "run the job and deliver to the partner, for real")
	f.BoolVar(&d.values, "values", false, "compare all values, masked as they are")
	asJSON := jsonFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		d.dir, d.asJSON = args[0], *asJSON
		if len(args) > 1 {
			d.with = args[1]
		}
		return a.diff(ctx, d)
	})
	return cmd
}

func (a *app) diff(ctx context.Context, d differing) error {
	first, err := readRecording(d.dir)
	if err != nil {
		return err
	}
	var second *recorder.Recording
	if recorder.Is(d.with) {
		second, err = readRecording(d.with)
	} else {
		second, err = a.askAgain(ctx, first, d)
	}
	if second == nil {
		return err
	}
	if shown := a.showDiff(first, second, d); shown != nil && err == nil {
		return shown
	}
	return err // the pages until then have been compared
}

// askAgain records in memory what a recording asked for.
func (a *app) askAgain(ctx context.Context, first *recorder.Recording, d differing) (*recorder.Recording, error) {
	name := cmp.Or(d.with, first.Job)
	c := captured{pullOnly: !d.push, push: d.push}
	c.start.From, c.start.To, c.start.Trigger, c.start.Who = first.From, first.To, state.Manual, operator()
	if c.pullOnly {
		c.limit = first.Pulls()
		cursor := feed.Cursor(first.Cursor)
		c.cursor = &cursor
	}
	if err := a.lookFirst(name, c); err != nil {
		return nil, err
	}
	s, end, err := a.beginCapture(ctx, name, c)
	defer end()
	if err != nil {
		return nil, err
	}
	s.job.PageSize = cmp.Or(first.PageSize, s.job.PageSize)
	var mu sync.Mutex
	second := &recorder.Recording{}
	second.Index, err = a.capture(ctx, s, c, func(e recorder.Exchange) error {
		mu.Lock()
		defer mu.Unlock()
		second.List = append(second.List, e)
		return nil
	})
	if len(second.List) == 0 {
		return nil, cmp.Or(err, error(&exit{code: exitError, cause: fmt.Errorf("job %s asked the partner for nothing", name)}))
	}
	second.Sort()
	return second, err
}

// diffView is a comparison for programs.
type diffView struct {
	Same     bool               `json:"same"`
	Compared int                `json:"compared"` // exchanges
	Apart    int                `json:"apart"`    // exchanges of the recording that were not asked again, as they deliver
	Findings []recorder.Finding `json:"findings"`
}

// showDiff prints where two recordings differ. The error says that they do.
func (a *app) showDiff(first, second *recorder.Recording, d differing) error {
	c := recorder.Compare(first, second, d.values)
	var differ error
	if len(c.Findings) > 0 {
		differ = &exit{code: exitError}
	}
	if d.asJSON {
		view := diffView{Same: differ == nil, Compared: c.Pairs, Apart: c.Unpaired, Findings: append([]recorder.Finding{}, c.Findings...)}
		return cmp.Or(a.printJSON(view), differ)
	}
	zone := a.zones().of(first.Job)
	a.say("%s of job %s compared: recorded %s, and %s", count(c.Pairs, "exchange"), first.Job,
		clock(first.RecordedAt, zone), clock(second.RecordedAt, zone))
	if c.Unpaired > 0 {
		a.say("%s of the recording were not asked again, because they deliver; --push does", count(c.Unpaired, "exchange"))
	}
	var rows [][]any
	for _, f := range c.Findings {
		rows = append(rows, []any{f.Endpoint, f.Place, meaning(f.What), cut(f.First, 40), cut(f.Second, 40), exchangeNumbers(f)})
	}
	a.printTable([]any{"ENDPOINT", "PLACE", "WHAT", "RECORDED", "NOW", "EXCHANGE"}, rows, "nothing differs")
	return differ
}

func exchangeNumbers(f recorder.Finding) string {
	number := func(n int) string {
		if n == 0 {
			return "-"
		}
		return strconv.Itoa(n)
	}
	return number(f.Exchange) + " / " + number(f.Other)
}

// meaning says what kind of difference one is.
func meaning(w recorder.What) string {
	switch w {
	case recorder.Status:
		return "another status"
	case recorder.Header:
		return "another header"
	case recorder.Added:
		return "a new field"
	case recorder.Removed:
		return "a field is gone"
	case recorder.Missing:
		return "not in every record"
	case recorder.Type:
		return "another type"
	case recorder.Shape:
		return "written otherwise"
	case recorder.Code:
		return "another code or message"
	case recorder.Size:
		return "another page size"
	case recorder.Asked:
		return "asked only once"
	case recorder.Broken:
		return "no whole answer"
	}
	return "another value"
}
