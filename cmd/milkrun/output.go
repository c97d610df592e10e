package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// jsonFlag adds --json to a reading command.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON for programs")
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printTable prints rows under a header, in columns that fit Chinese too. Without rows it prints none.
func (a *app) printTable(header []any, rows [][]any, none string) {
	if len(rows) == 0 {
		a.say("%s", none)
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(plain())
	t.SuppressTrailingSpaces()
	t.AppendHeader(header)
	for _, row := range rows {
		t.AppendRow(row)
	}
	t.Render()
}

// plain is a table without lines, which a person and grep both read well.
func plain() table.Style {
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	return style
}

func (a *app) say(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }

// field prints a line of what is known about one thing.
func (a *app) field(name, format string, args ...any) {
	a.say("%-12s "+format, append([]any{name}, args...)...)
}

// sayNext says what to do next.
func (a *app) sayNext(remedy string) { arrows(a.stdout, remedy) }

// arrows prints what to do next: each line of a remedy behind an arrow.
func arrows(w io.Writer, remedy string) {
	for line := range strings.SplitSeq(remedy, "\n") {
		if line != "" {
			fmt.Fprintf(w, "  → %s\n", line)
		}
	}
}

// terminal says whether a stream is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is how many columns a terminal has.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}
