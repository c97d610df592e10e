package words

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// unread are folders whose texts no operator reads: the partners' side, tests' helpers, and tools of the build.
var unread = []string{"cmd/milkrun-bench", "packaging", "docs", "sync/metrics", "sync/sandbox", "sync/words"}

// saying are calls by name, with the argument that is a message (or its format), also one of a single word.
var saying = map[string]int{
	"fmt.Errorf": 0, "errors.New": 0, "feed.Errorf": 2, "Sprintf": 0, "usage": 0,
	"WithRemedy": 0, "say": 0, "note": 0, "printTable": 2, "sayNext": 0, "ask": 0,
	"Fault": 1, "fault": 1, "explain": 1, "wrong": 0, "Ambiguous": 1, "ambiguous": 0,
	"no": 1, "says": 0, "sinkError": 0, // sinks/caih, sync
	"Info": 0, "Infof": 0, "Warn": 0, "Warnf": 0, "Error": 0, "field": 1, "Debug": 0, "Debugf": 0,
}

// quiet are calls whose literals are no messages: what a text is compared with, cut at or made of, SQL, names.
var quiet = map[string]bool{
	"MustCompile": true, "Contains": true, "HasPrefix": true, "HasSuffix": true, "CutPrefix": true, "CutSuffix": true, "Cut": true,
	"Fields": true, "Split": true, "SplitN": true, "SplitSeq": true, "Trim": true, "TrimLeft": true, "TrimRight": true, "TrimPrefix": true,
	"TrimSuffix": true, "NewReplacer": true, "Replace": true, "ReplaceAll": true, "EqualFold": true, "ContainsAny": true, "IndexAny": true,
	"Index": true, "LastIndex": true, "Count": true, "Parse": true, "Format": true, "AppendFormat": true, "Getenv": true, "Setenv": true,
	"LoadLocation": true, "Join": true, "Exec": true, "ExecContext": true, "QueryContext": true, "QueryRowContext": true, "Stmt": true,
	"Set": true, "Get": true, "Header": true, "step": true, "Repeat": true, "WithField": true, "MkdirTemp": true, "SetIndent": true,
	"exec": true, "changed": true, "all": true, "one": true, "List": true, "DeleteIn": true, "line": true, "Command": true, "CommandContext": true,
}

// wordy are calls that build messages out of a word: by name, the argument, and the messages that come of it.
var wordy = map[string][]struct {
	arg  int
	make func(word string) []string
}{
	"count":     {{1, func(w string) []string { return []string{"%d " + w, "%d " + plural(w)} }}},
	"limitFlag": {{2, func(w string) []string { return []string{"how many " + w + "; 0 is all"} }}},
	"numbered":  {{1, func(w string) []string { return []string{"%q is no " + w + "'s number"} }}},
	"unknown":   {{0, func(w string) []string { return []string{"there is no " + w + " %q"} }}},
	"wrongWay":  {{1, func(w string) []string { return []string{"a connection of type %q is no " + w} }}},
	"failed":    {{0, func(w string) []string { return []string{w + " %s in %s: %w"} }}},
	"setPhase":  {{0, func(w string) []string { return []string{w + ": %s"} }}},
	"Custom":    {{1, func(w string) []string { return []string{"a " + w + " is wanted here, not %s"} }}},
	"mismatch":  {{0, func(w string) []string { return []string{"a " + w + " is wanted here, not %s"} }}},
	"event":     {{0, func(w string) []string { return []string{w} }}},
	"field":     {{0, func(w string) []string { return []string{w} }}},
	"where":     {{0, func(w string) []string { return []string{strings.TrimSpace(w) + " %s"} }}}, // " in column "
}

func plural(thing string) string {
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		return stem + "ies"
	}
	if strings.HasSuffix(thing, "ch") {
		thing += "e"
	}
	return thing + "s"
}

// forced are messages of single words, or put together at some distance: by file and literal.
var forced = map[string]map[string][]string{
	"cmd/milkrun/standing/stand.go": {
		"disabled": {"disabled", "%s is disabled", "%s are disabled"}, "paused": {"paused", "%s is paused", "%s are paused"},
		"resumed": {"resumed", "%s is resumed", "%s are resumed"}, "gone": {"gone", "%s is gone", "%s are gone"},
	},
	"cmd/milkrun/standing/words.go": {"%s %s": {"page %s, size %s", "line %s, offset %s",
		"through %s", "through %s, end %s", "end %s, from %s, to %s", "from %s, to %s", "sweep %s", "token %s, page %s, size %s", "size %s, skip %s"}},
	"sync/kind/probe.go":           {"ok": {"ok"}, "warning": {"warning"}, "error": {"error"}},
	"cmd/milkrun/holds.go":         {"%s %s is halted since %s: %s": {"job %s is halted since %s: %s", "connection %s is halted since %s: %s"}},
	"cmd/milkrun/usage.go":         {"%s command": {"there is no %s command %q"}},
	"cmd/milkrun/doctorconfig.go":  {"configuration": {"configuration"}},
	"cmd/milkrun/doctordaemon.go":  {"daemon": {"daemon"}},
	"cmd/milkrun/doctorjobs.go":    {"jobs": {"jobs"}},
	"cmd/milkrun/doctormachine.go": {"machine": {"machine"}},
	"cmd/milkrun/doctorstate.go":   {"%s: %s, mode %04o, of %s": {"%s: %s, mode %04o, of %s"}},
	"cmd/milkrun/reload.go":        {"%s changed": {"%d job changed", "%d jobs changed"}},
	"cmd/milkrun/words.go":         {"%s ago": {"%s ago"}, "never": {"never"}},
	"cmd/milkrun/progress.go":      {"%s of %s (%d %%)": {"%s of %s (%d %%)", "%d of %d records (%d %%)"}, ", %s left": {"%s left"}},
	"cmd/milkrun/statusscreen.go": {
		" is ": {"%s is halted", "%s is interrupted", "%s is running"}, " are ": {"%s are halted", "%s are interrupted", "%s are running"}, " ": {"%s failed"},
		"none": {"none"}, "CHECKPOINT": {"CHECKPOINT"},
	},
	"cmd/milkrun/methods.go": {"cancel": {"cancel"}},
	"state/halt.go":          {"pause": {"pause"}, "unpause": {"unpause"}, "resume %s": {"resume job", "resume connection"}},
	"state/checkpoint.go":    {"checkpoint %s %s": {"checkpoint set %s", "checkpoint reset %s", "checkpoint undo %s", "checkpoint import %s"}},
	"state/letter.go":        {"dead letter %d %s": {"dead letter %d delivered", "dead letter %d dropped"}},
	"sync/transport/probe.go": {"this machine's clock is %v %s the partner's": {
		"this machine's clock is %v ahead of the partner's", "this machine's clock is %v behind the partner's"}},
	"sync/run.go":      {"run ends early: %s": {"run ends early: %s", "run ends early: stopped"}},
	"sync/progress.go": {"reading": {"reading: %s"}},
}

// verbatim are texts that look like messages and are none.
var verbatim = []string{
	"milkrun checkpoints 1", "milkrun jobs.toml", "milkrun %s: ", "milkrun %s：", "milkrun: %s\n", "Bearer %s", "yyyy-MM-dd HH:mm:ss", "ISO, YMD",
	"HMAC-SHA256 key=%s, timestamp=%s, nonce=%s, signature=%s", "retry = { initial = \"1s\", max = \"5m\", give_up_after = \"1h\" }",
	"sqlite %d", "mysql %d", "uid %d", "uid %s", "chmod 600 %s", "verdict(%d)", "event: %s\ndata: %s\n\n",
}

// bilingual are files that say everything in both languages.
var bilingual = map[string]bool{"cmd/milkrun/page/words.go": true, "sync/alert/words.go": true, "sync/catalogue/describe.go": true, "sync/config/reference.go": true,
	"sync/report/words.go": true}

// statesOf are the files whose constants are words that a person sees in tables.
var statesOf = map[string]bool{"state/run.go": true, "state/slot.go": true, "state/letter.go": true, "state/intent.go": true,
	"state/history.go": true, "sync/run.go": true, "sync/config/compare.go": true}

// call looks at the arguments of a call.
func (e *extraction) call(n *ast.CallExpr) {
	pkg, name := callee(n.Fun)
	if name == "Errorf" && pkg == "feed" && len(n.Args) > 1 {
		e.skip(n.Args[1]) // the code
	}
	e.siblings(n.Args)
	for _, rule := range wordy[name] {
		if rule.arg < len(n.Args) {
			e.word(n.Args[rule.arg], rule.make)
		}
	}
	if name == "say" && strings.HasPrefix(e.file, "cmd/milkrun/page/") {
		e.skip(n.Args[0]) // a key of its own words.go
	}
	place, ok := saying[name]
	if exact, found := saying[pkg+"."+name]; found {
		place, ok = exact, true
	}
	for i, arg := range n.Args {
		switch {
		case ok && i == place:
			e.text(arg, true)
		case quiet[name]:
			e.skip(arg)
		}
	}
}

// callee is the name of a function with its package or receiver, if it has one.
func callee(fun ast.Expr) (pkg, name string) {
	switch f := fun.(type) {
	case *ast.Ident:
		return "", f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name, f.Sel.Name
		}
		return "", f.Sel.Name
	}
	return "", ""
}

// word adds the messages that are made of a word.
func (e *extraction) word(x ast.Expr, make func(string) []string) {
	word, ok := e.fold(x)
	if lit, isLiteral := x.(*ast.BasicLit); !ok || !isLiteral || lit.Kind != token.STRING || word == "" || e.taken[x] {
		return
	}
	e.skip(x)
	for _, id := range make(word) {
		e.add(id)
	}
}

// headings takes the headings of a table: a list of words in capitals.
func (e *extraction) headings(table *ast.CompositeLit) {
	list := table.Elts
	if of, ok := table.Type.(*ast.ArrayType); !ok || !isAny(of.Elt) {
		return
	}
	for _, x := range list {
		if text, ok := e.fold(x); !ok || !isHeading.MatchString(text) {
			return
		}
	}
	for _, x := range list {
		e.word(x, func(w string) []string { return []string{w} })
	}
}

func isAny(x ast.Expr) bool {
	name, ok := x.(*ast.Ident)
	return ok && name.Name == "any"
}

var isHeading = regexp.MustCompile(`^[A-Z]+( [A-Z]+)*$`)

// siblings takes texts that carry their translation beside them, an English one and a Chinese one behind it: what the
// keys of the configuration mean. They are told in errors too; one that leaves something out there is translated in the
// catalogue.
func (e *extraction) siblings(list []ast.Expr) {
	for i := 1; i < len(list); i++ {
		first, second := value(list[i-1]), value(list[i])
		en, ok := e.fold(first)
		zh, also := e.fold(second)
		if !ok || !also || !isWord(en) || han.MatchString(en) && !strings.Contains(en, "(") || !han.MatchString(zh) {
			continue
		}
		if !e.taken[first] && isProse(en) {
			e.add(en)
			if lost(en, zh) == "" {
				_, e.list[e.at[strings.TrimSpace(en)]].zh, _ = trim(zh)
			}
		}
		e.skip(first, second)
	}
}

func value(x ast.Expr) ast.Expr {
	if pair, ok := x.(*ast.KeyValueExpr); ok {
		return pair.Value
	}
	return x
}

// pair looks at the field of a literal: how a command is called is the same in every language, and so are codes.
func (e *extraction) pair(n *ast.KeyValueExpr) {
	e.skip(n.Key)
	key, ok := n.Key.(*ast.Ident)
	if !ok {
		return
	}
	switch key.Name {
	case "Use", "Code", "Zh", "Layout":
		e.skip(n.Value)
	case "Short", "Long", "Remedy", "Text", "Reason":
		e.text(n.Value, true)
	case "Example": // commands; only the reasons in them are words
		if text, ok := e.fold(n.Value); !ok || !strings.Contains(text, "--why") {
			e.skip(n.Value)
		}
	case "Type":
		if e.file == "sync/setting/setting.go" {
			e.word(n.Value, func(w string) []string { return []string{"a " + w + " is wanted here, not %s"} })
		}
	}
}

// states takes the constants that are states.
func (e *extraction) states(n *ast.GenDecl) {
	if n.Tok != token.CONST || !statesOf[e.file] {
		return
	}
	for _, spec := range n.Specs {
		for _, x := range spec.(*ast.ValueSpec).Values {
			if text, ok := e.fold(x); ok && isWord(text) && !strings.ContainsAny(text, ",\"") {
				e.word(x, func(w string) []string { return []string{w} })
			}
		}
	}
}
