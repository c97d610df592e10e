package main

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"milkrun/sync/words"
)

// language is what a command line asks to be answered in: the help is made before its flags are read. What is no
// language is left for the flag to refuse.
func language(args []string, otherwise words.Lang) words.Lang {
	for i, arg := range args {
		value, joined := strings.CutPrefix(arg, "--lang=")
		switch {
		case arg == "--":
			return otherwise
		case joined:
		case arg == "--lang" && i+1 < len(args):
			value = args[i+1]
		default:
			continue
		}
		if lang, err := words.Parse(value); err == nil {
			otherwise = lang
		}
	}
	return otherwise
}

// langFlag is --lang; [language] has taken its value already.
type langFlag struct{ lang *words.Lang }

func (f langFlag) String() string { return "" } // the environment's, which the help tells in words

// Type is what stands for the value in the help.
func (langFlag) Type() string { return "word" }

// Set takes a language.
func (f langFlag) Set(text string) (err error) {
	*f.lang, err = words.Parse(text)
	return err
}

// translate makes the help of a command and of all below it speak a language.
func translate(cmd *cobra.Command, lang words.Lang) {
	if lang == words.English {
		return
	}
	cmd.SetUsageTemplate(headings(cmd.UsageTemplate(), lang))
	for _, g := range cmd.Groups() {
		g.Title = lang.Text(g.Title)
	}
	translateTree(cmd, lang)
}

func translateTree(cmd *cobra.Command, lang words.Lang) {
	cmd.Short, cmd.Long, cmd.Example = lang.Text(cmd.Short), lang.Text(cmd.Long), lang.Text(cmd.Example)
	cmd.InitDefaultHelpFlag()
	told := map[*pflag.Flag]bool{}
	for _, flags := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.Flags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if !told[f] {
				tell(f, lang)
			}
			told[f] = true
		})
	}
	for _, sub := range cmd.Commands() {
		translateTree(sub, lang)
	}
}

// tell translates what a flag means, with its default, which pflag would add in English.
func tell(f *pflag.Flag, lang words.Lang) {
	f.Usage = lang.Text(f.Usage)
	switch f.DefValue {
	case "", "false", "0", "[]":
		return
	}
	f.Usage += lang.Aside("default " + f.DefValue)
	f.DefValue = map[bool]string{true: "0"}[f.Value.Type() == "int"] // pflag's word for: nothing to add
}

// headings translates the words of cobra's template.
func headings(template string, lang words.Lang) string {
	template = "\n" + template
	for _, heading := range []string{"Usage:", "Aliases:", "Examples:", "Available Commands:", "Additional Commands:", "Flags:", "Global Flags:",
		"Additional help topics:"} {
		template = strings.ReplaceAll(template, "\n"+heading, "\n"+lang.Text(heading))
	}
	const more = `Use "%s [command] --help" for more information about a command.`
	const path = "{{.CommandPath}}"
	template = strings.ReplaceAll(template, fmt.Sprintf(more, path), lang.Sprintf(more, path))
	return strings.TrimPrefix(template, "\n")
}

// speaking is a formatter of logs for people: it translates what a message and an error say. Keys and levels stay, for
// whoever searches.
type speaking struct {
	logrus.Formatter
	lang words.Lang
}

// Format implements [logrus.Formatter].
func (s speaking) Format(entry *logrus.Entry) ([]byte, error) {
	told := *entry
	told.Message = s.lang.Text(entry.Message)
	told.Data = make(logrus.Fields, len(entry.Data))
	for key, value := range entry.Data {
		told.Data[key] = value
		switch text := value.(type) {
		case error:
			told.Data[key] = s.lang.Text(text.Error())
		case string:
			if key == "error" || key == "remedy" || key == "from" {
				told.Data[key] = s.lang.Text(text)
			}
		}
	}
	return s.Formatter.Format(&told)
}
