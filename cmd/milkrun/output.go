package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"milkrun/sync/words"
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
		a.say("%s", a.lang.Text(none))
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(plain())
	t.SuppressTrailingSpaces()
	t.AppendHeader(views(header, func(name any) any { return a.lang.Text(fmt.Sprint(name)) }))
	for _, row := range rows {
		var cells table.Row
		for i, name := range header {
			cells = append(cells, a.cell(fmt.Sprint(name), row[i]))
		}
		t.AppendRow(cells)
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

// cell is what a table shows of a value. Numbers stay what they are, so that they stand to the right.
func (a *app) cell(column string, v any) any {
	switch v := v.(type) {
	case int, int64:
		return v
	case excerpt:
		return excerpt{a.value(column, v.text), v.length}.String()
	}
	return a.value(column, fmt.Sprint(v))
}

// value says a value in the operator's language, unless it is a name of theirs, what an operator wrote, or what a record holds:
// that is shown so that it cannot steer the terminal.
func (a *app) value(name, text string) string {
	switch strings.ToUpper(name) {
	case "JOB", "ON", "CONNECTION", "NAME", "WHO", "WHY", "CODE", "KEY", "CURSOR", "PLACE", "LANE":
		return visible(text)
	}
	return a.lang.Text(text)
}

// visible is a text with what cannot be seen written as in Go: control characters, and those that turn the direction.
func visible(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// say prints a line.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.stdout, a.lang.Sprintf(format, args...))
}

// field prints a line of what is known about one thing.
func (a *app) field(name, format string, args ...any) {
	said := a.lang.Sprintf(format, args...)
	if format == "%s" {
		said = a.value(name, fmt.Sprint(args...))
	}
	fmt.Fprintf(a.stdout, "%s %s\n", text.Pad(a.lang.Text(name), 12, ' '), said)
}

// request shows a request as it would be sent; what a preview says beside it is in the operator's language.
func (a *app) request(text string) words.Verbatim {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		beside := strings.HasPrefix(line, "string to sign: ") || strings.HasPrefix(strings.TrimSpace(line), "… and ") || strings.HasSuffix(line, " as sent")
		if beside {
			lines[i] = a.lang.Text(line)
		}
	}
	return words.Verbatim(strings.Join(lines, "\n"))
}

// sayNext says what to do next.
func (a *app) sayNext(remedy string) { a.arrows(a.stdout, remedy) }

const arrow = "  → "

// arrows prints what to do next: each line of a remedy behind an arrow.
func (a *app) arrows(w io.Writer, remedy string) {
	for line := range strings.SplitSeq(remedy, "\n") {
		if line != "" {
			fmt.Fprintf(w, "%s%s\n", arrow, a.lang.Text(line))
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
