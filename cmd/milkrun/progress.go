package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync"
	"milkrun/sync/words"
)

// progressLine is the progress in one line, with the trouble there is.
func progressLine(m standing.Meter) string {
	if m.Trouble == "" {
		return figures(m)
	}
	return figures(m) + ", trying again after: " + strings.ReplaceAll(m.Trouble, "\n", "; ")
}

// figures is the progress without its trouble.
func figures(m standing.Meter) string {
	c := m.Counts
	line := m.Phase + ": "
	if percent, known := m.Share(); known {
		line += fmt.Sprintf("%s of %s (%d %%)", grouped(m.Done()), count(c.Total, "record"), percent)
	} else {
		line += count(m.Done(), "record")
	}
	if m.Phase == "reading" && m.Measured() >= time.Second {
		line += fmt.Sprintf(", %s a second", grouped(int64(m.Speed)))
	}
	if left, ok := m.Left(); ok {
		line += ", " + shortly(left) + " left"
	}
	if c.Rejected > 0 {
		line += fmt.Sprintf(", %s rejected", grouped(c.Rejected))
	}
	if c.Retries > 0 {
		line += ", " + count(c.Retries, "retry")
	}
	return line
}

// progressBar is the line of progress behind a bar, when it is known how much is left.
func progressBar(m standing.Meter, lang words.Lang) string {
	line := m.Job + " " + lang.Text(progressLine(m))
	if percent, known := m.Share(); known {
		return barOf(percent) + line
	}
	return line
}

func barOf(percent int64) string {
	full := int(percent * barLength / 100)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barLength-full) + "] "
}

const barLength = 30

// follow calls each at a pace with the meter of every run under way, until ctx ends.
func follow(ctx context.Context, engine *sync.Engine, pace time.Duration, each func(standing.Meter)) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var gauges standing.Gauges
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			for _, m := range gauges.Read(engine.Running(), at) {
				each(m)
			}
		}
	}
}

// showProgress shows the run under way until the returned function is called: as a bar on a terminal, else as a line now
// and then.
func (a *app) showProgress(engine *sync.Engine, asBar bool) (stop func()) {
	pace, each := 5*time.Second, func(m standing.Meter) { fmt.Fprintln(a.stderr, a.lang.Text(progressLine(m))) }
	if asBar {
		pace, each = 200*time.Millisecond, func(m standing.Meter) { redraw(a.stderr, progressBar(m, a.lang)) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); follow(ctx, engine, pace, each) }()
	return func() {
		cancel()
		<-done
		if asBar {
			redraw(a.stderr, "") // the summary of the run says how it ended, and with how much
		}
	}
}

// redraw writes over the last line of a terminal; it must not be longer than one.
func redraw(w io.Writer, line string) { fmt.Fprint(w, "\r\x1b[K"+text.Trim(line, width(w)-1)) }
