package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"milkrun/sync/words"
)

// Severity says whether a problem stops the daemon.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is something wrong in a file.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`   // from 1; 0: the file as a whole
	Column   int      `json:"column,omitempty"` // from 1, in characters
	Key      string   `json:"key,omitempty"`    // path: jobs.grades.page_size
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy,omitempty"`
	Severity Severity `json:"severity"`
	excerpt  string
}

// String returns one line: jobs.toml:12:8: jobs.grades.page_size: what is wrong (what to do).
func (p Problem) String() string { return p.in(words.English) }

// in is the line in a language.
func (p Problem) in(lang words.Lang) string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Severity == Warning {
		b.WriteString(": " + lang.Text("warning"))
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + lang.Text(p.Text))
	if p.Remedy != "" {
		b.WriteString(lang.Aside(p.Remedy))
	}
	return b.String()
}

// Problems are all that is wrong in a file, by position.
type Problems []Problem

// HasErrors says whether one of them is more than a warning.
func (ps Problems) HasErrors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}

// worst is the severity of the file as a whole.
func (ps Problems) worst() Severity {
	if ps.HasErrors() {
		return Error
	}
	return Warning
}

// Print writes each problem and below it the line of the file it stands in, with a caret. Secrets are left out.
func (ps Problems) Print(w io.Writer, lang words.Lang) {
	for _, p := range ps {
		_, _ = io.WriteString(w, p.in(lang)+"\n"+p.excerpt) // a terminal that is gone is nobody's problem
	}
}
