package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// The control sequences of a terminal that a screen is redrawn with: the other screen, without a cursor, and back; the
// upper left corner; what is left of a line, and of the screen.
const (
	screenOn   = "\x1b[?1049h\x1b[?25l"
	screenOff  = "\x1b[?25h\x1b[?1049l"
	home       = "\x1b[H"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// watchStatus shows how everything stands again and again, until Ctrl-C: in place on a terminal, else one below the
// other. That nobody can tell, because the daemon is being restarted or the state file is not there yet, is shown as well.
func (a *app) watchStatus(ctx context.Context, look statusLook) error {
	if look.every < 100*time.Millisecond {
		return usage("--every %s is too often; at least 100ms is left to the daemon", look.every)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	inPlace := terminal(a.stdout) && !look.json
	if inPlace {
		fmt.Fprint(a.stdout, screenOn)
	}
	last := ""
	tick := time.NewTicker(look.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		block := a.statusBlock(ctx, look, a.stdout)
		if ctx.Err() != nil {
			break
		}
		if last = block; inPlace {
			rows, columns := size(a.stdout)
			fmt.Fprint(a.stdout, screen(block, rows, columns))
		} else {
			fmt.Fprintln(a.stdout, block)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	if inPlace {
		fmt.Fprint(a.stdout, screenOff+last) // what was seen last stays readable
	}
	return nil
}

// statusBlock is one look as text, or why there is none.
func (a *app) statusBlock(ctx context.Context, look statusLook, w io.Writer) string {
	var b bytes.Buffer
	quiet := *a
	quiet.stdout, quiet.stderr = &b, &b
	v, err := quiet.standing(ctx)
	switch {
	case err != nil:
		quiet.report(err)
	case look.json:
		quiet.warn(quiet.printJSON(v))
	default:
		quiet.say("%s", clock(v.At, quiet.zones().of("")))
		quiet.printStatus(v, look.paint(w), width(w))
	}
	return b.String()
}

// screen draws a text over what a terminal shows. Long lines are wrapped here, so that it is known how many there are.
func screen(block string, rows, columns int) string {
	lines := strings.Split(strings.TrimRight(text.WrapText(block, columns), "\n"), "\n")
	if len(lines) > rows {
		lines = append(lines[:rows-1], "…")
	}
	return home + strings.Join(lines, clearLine+"\n") + clearLine + clearBelow
}

// size is how many rows and columns a terminal has.
func size(w io.Writer) (rows, columns int) {
	if f, ok := w.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && rows > 1 && columns > 0 {
			return rows, columns
		}
	}
	return 24, 80
}
