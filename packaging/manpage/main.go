// Command manpage writes milkrun(1): a frame in roff, and in it what the program itself says of its commands, so that
// the page cannot differ from the program.
//
//	manpage PROGRAM LANG > milkrun.1     LANG is en or zh_CN; the date is $SOURCE_DATE_EPOCH
package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed *.roff
var frames embed.FS

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "manpage: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: manpage PROGRAM en|zh_CN")
	}
	p := program{ctx, args[0], args[1]}
	frame, err := template.New("").Funcs(template.FuncMap{"text": escape}).ParseFS(frames, p.lang+".roff")
	if err != nil {
		return fmt.Errorf("language %s: %w", p.lang, err)
	}
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	pg := page{Date: time.Unix(epoch, 0).UTC().Format(time.DateOnly)}
	if pg.Version, err = p.version(); err != nil {
		return err
	}
	if pg.Commands, err = p.commands(nil); err != nil {
		return err
	}
	return frame.ExecuteTemplate(out, p.lang+".roff", pg)
}

// page is what a frame is filled with.
type page struct {
	Date, Version string
	Commands      []command
}

// command is a command of the program, or the program itself.
type command struct {
	Name string // "milkrun checkpoint set"
	Help string // what --help prints
}

// program asks milkrun about itself, in a language.
type program struct {
	ctx        context.Context
	path, lang string
}

func (p program) ask(args ...string) (string, error) {
	cmd := exec.CommandContext(p.ctx, p.path, args...) //nolint:gosec // the page is about the program it is given
	cmd.Env = append(os.Environ(), "LC_ALL=", "LANG="+p.lang+".UTF-8")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", p.path, strings.Join(args, " "), err, said.String())
	}
	return string(out), nil
}

// version is the second word of "milkrun 1.2.3 (commit …".
func (p program) version() (string, error) {
	text, err := p.ask("version")
	if err != nil {
		return "", err
	}
	words := strings.Fields(text)
	if len(words) < 2 {
		return "", fmt.Errorf("%s version says %q", p.path, text)
	}
	return words[1], nil
}

// commands are a command and all below it, in the order in which they are listed.
func (p program) commands(path []string) ([]command, error) {
	help, err := p.ask(append(path, "--help")...)
	if err != nil {
		return nil, err
	}
	all := []command{{Name: strings.Join(append([]string{"milkrun"}, path...), " "), Help: own(help)}}
	names, err := p.below(path, help)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		more, err := p.commands(append(path[:len(path):len(path)], name))
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// below asks as a shell does that completes a command line. Names of jobs may follow a command, too: what a command lists
// in its help is a command. How each shell is told to complete is nothing for a manual.
func (p program) below(path []string, help string) ([]string, error) {
	p.lang = "en" // names are the same in every language, and Chinese takes longer to say
	if slices.Equal(path, []string{"completion"}) {
		return nil, nil
	}
	text, err := p.ask(append(append([]string{"__completeNoDesc"}, path...), "")...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range strings.Fields(text) {
		if name != "help" && strings.Contains(help, "\n  "+name+" ") {
			names = append(names, name)
		}
	}
	return names, nil
}

// own leaves out of a help what every command's help says.
func own(help string) string {
	for _, shared := range []string{"\nGlobal Flags:\n", "\n全局参数"} {
		help, _, _ = strings.Cut(help, shared)
	}
	var lines []string
	for line := range strings.Lines(help) {
		if !strings.Contains(line, "[command] --help") {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, ""))
}

// escape makes text of any kind plain for roff.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
