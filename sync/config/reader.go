package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/config/near"
	"milkrun/sync/setting"
)

// reader is one reading of one text.
type reader struct {
	name, folder string
	text         []byte
	starts       []int // of its lines
	opt          Options
	fromFile     bool
	broken       bool // by a syntax error: what is missing may only not have been read
	root         *table
	strays       []*table
	hidden       []span
	problems     Problems
	spots        []span          // of the problems
	literals     bool            // a secret itself stands in the file
	secrets      []string        // resolved, of the connection that is being read
	used         map[string]bool // connections that jobs name
	dangling     bool            // some job does not name its connection, or a wrong one
	conf         *Config         // as far as it has been read
	others       Problems        // of files that this one names
	inner        []*Connection   // that the source being read takes values from
}

// block is a table and where it is.
type block struct {
	path  string
	table *table
}

func (b block) sub(name string) string {
	if b.path == "" {
		return quoteKey(name)
	}
	return b.path + "." + quoteKey(name)
}

// read does it all.
func (r *reader) read() (*Config, Problems) {
	var c *Config
	if r.encoding() {
		r.build()
		c = r.config()
	}
	if r.problems.HasErrors() || r.others.HasErrors() {
		c = nil
	}
	return c, append(r.located(), r.others...)
}

// report adds a problem. at without length is a place; a negative one is the file as a whole.
func (r *reader) report(s Severity, at span, key, text, remedy string) {
	r.problems = append(r.problems, Problem{File: r.name, Key: key, Text: text, Remedy: remedy, Severity: s})
	r.spots = append(r.spots, at)
}

func nowhere() span { return span{-1, -1} }

// most is how many problems are told at once.
const most = 100

// located returns the problems by position, each once, with their source lines, now that it is known which values may be
// shown.
func (r *reader) located() Problems {
	r.hide(r.root)
	for _, t := range r.strays {
		r.hide(t)
	}
	order := make([]int, len(r.spots))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.spots[a].from, r.spots[b].from) })
	list := Problems{}
	for n, i := range order {
		if n == most {
			list = append(list, Problem{File: r.name, Severity: r.problems.worst(), Text: fmt.Sprintf("%d more problems are left out", len(order)-n)})
			break
		}
		list = append(list, r.place(r.problems[i], r.spots[i]))
	}
	return slices.Compact(list)
}

// place fills in where a problem is.
func (r *reader) place(p Problem, at span) Problem {
	if at.from >= 0 {
		p.Line, p.Column = r.position(at.from)
		p.excerpt = r.excerpt(at)
	}
	return p
}

// hide notes the values that must not be shown.
func (r *reader) hide(t *table) {
	if t == nil {
		return
	}
	for _, e := range t.entries {
		sub, ok := e.value.(*table)
		if !e.visible && (!ok || sub.closed) {
			r.hidden = append(r.hidden, e.at)
		} else if ok {
			r.hide(sub)
		}
	}
}

// twice reports a key or table that is there already.
func (r *reader) twice(at span, path string, first span) {
	r.report(Error, at, path, fmt.Sprintf("this is given twice, the first time in line %d", r.line(first)), "keep one of them")
}

func (r *reader) line(at span) int {
	line, _ := r.lineAt(at.from)
	return line
}

// filling is one pass over a block: which keys have been set, and which are wrong.
type filling struct {
	block
	given map[string]bool
	wrong map[string]bool // or not known, as secrets that have not been looked up
}

// special are keys of a block that are not set through a field, with what reads them; nil: somebody else does.
type special map[string]func(path string, e *entry)

// fill sets the fields of a block and reports unknown keys and bad values. over are values laid over those of the block.
func (r *reader) fill(b block, fields []setting.Field, over map[string]string, specials special) filling {
	f := filling{b, map[string]bool{}, map[string]bool{}}
	for _, e := range b.table.entries {
		if read, ok := specials[e.name]; ok {
			e.visible = true
			if read != nil {
				read(b.sub(e.name), e)
			}
			continue
		}
		i := slices.IndexFunc(fields, func(f setting.Field) bool { return f.Name == e.name })
		if i < 0 {
			r.unknown(b, e, fields, specials)
			continue
		}
		if _, covered := over[e.name]; !covered {
			f.given[e.name] = true
			f.wrong[e.name] = !r.put(b.sub(e.name), e, fields[i], over) || fields[i].Type == secretType && !r.opt.Resolve
		}
	}
	r.lay(&f, fields, over)
	return f
}

// unknown reports a key that a block does not have.
func (r *reader) unknown(b block, e *entry, fields []setting.Field, specials special) {
	known := keyNames(fields)
	for name := range specials {
		known = append(known, name)
	}
	slices.Sort(known)
	r.report(Error, e.key, b.sub(e.name), "there is no such key", r.elsewhere(b, e.name, known))
}

// set stores one value and returns whether it was good.
func (r *reader) set(path string, e *entry, f setting.Field) bool {
	value := plain(e.value)
	if f.Type == secretType {
		resolved, ok := r.secret(path, e)
		if !ok {
			_ = f.Set(newSecret("?")) // so that it is not reported as missing as well
			return false
		}
		value = resolved
	} else {
		e.visible = true
		r.show(e.value)
	}
	if _, reported := value.(unread); reported {
		return false
	}
	if err := f.Set(value); err != nil {
		r.report(Error, e.at, path, err.Error(), valueRemedy(f, value, err))
		return false
	}
	if value == "" && f.Required {
		r.report(Error, e.at, path, "this is empty", "write a value: "+f.En)
		return false
	}
	return true
}

// show marks a whole value as one that may be printed.
func (r *reader) show(v any) {
	if t, ok := v.(*table); ok {
		for _, e := range t.entries {
			e.visible = true
			r.show(e.value)
		}
	}
}

// lay sets the overrides of a block.
func (r *reader) lay(f *filling, fields []setting.Field, over map[string]string) {
	for _, field := range fields {
		if field.Fields != nil && !f.given[field.Name] { // one that is there has had its own
			r.lay(&filling{f.block, map[string]bool{}, map[string]bool{}}, field.Fields, beneath(over, field.Name))
		}
		text, ok := over[field.Name]
		if !ok || text == "" {
			continue
		}
		f.given[field.Name] = true
		if err := field.Set(overridden(field, text)); err != nil {
			r.report(Error, f.table.at, f.sub(field.Name), "the value laid over it: "+err.Error(), "")
			f.wrong[field.Name] = true
		}
	}
}

// finish reports required keys that are missing, and what the block itself finds wrong.
func (r *reader) finish(f filling, fields []setting.Field, validate func() []setting.Problem) {
	if r.broken {
		return
	}
	for _, field := range fields {
		if field.Required && !f.given[field.Name] {
			r.report(Error, f.table.at, f.sub(field.Name), "this key is missing", "add "+quoteKey(field.Name)+" = "+example(field)+": "+field.En)
			f.wrong[field.Name] = true
		}
	}
	for _, p := range validate() {
		if first, _, _ := strings.Cut(p.Key, "."); f.wrong[first] {
			continue
		}
		at, path := f.spot(p.Key)
		severity := Error
		if p.Advice {
			severity = Warning
		}
		r.report(severity, at, path, p.Text, p.Remedy)
	}
}

// valueRemedy says what to write instead of a value that a field refuses; empty when the error says it already.
func valueRemedy(f setting.Field, v any, err error) string {
	text, isText := v.(string)
	switch {
	case saysWhat(err.Error()):
		return ""
	case len(f.Choices) > 0:
		if meant := near.Near(text, f.Choices); meant != "" {
			return fmt.Sprintf("did you mean %q?", meant)
		}
		return "write one of them"
	case f.Min != 0 || f.Max != 0:
		if _, isNumber := v.(int64); isNumber {
			return fmt.Sprintf("write a number from %d to %d", f.Min, f.Max)
		}
	}
	if _, err := strconv.ParseInt(text, 10, 64); isText && err == nil && f.Type == "whole number" {
		return "write " + text + " without quotes"
	}
	if isText && f.Type == "true or false" && (text == "true" || text == "false") {
		return "write " + text + " without quotes"
	}
	return "for example " + quoteKey(f.Name) + " = " + example(f)
}

// saysWhat tells whether a text has advice in it already, which then stands behind a semicolon. It is not cut off there: the
// catalogue of package words knows the text as a whole.
func saysWhat(text string) bool {
	return strings.Contains(text, "; ") || strings.Contains(text, "write ") || strings.Contains(text, "did you mean")
}

// example is a value of a field's type.
func example(f setting.Field) string {
	if f.Default != "" {
		return f.Default
	}
	switch f.Type {
	case "whole number":
		return strconv.FormatInt(max(f.Min, 1), 10)
	case "true or false":
		return "true"
	case "duration":
		return `"5m"`
	case secretType:
		return `"env:NAME"`
	case "list of texts":
		return `["a", "b"]`
	case "table of texts":
		return `{ name = "text" }`
	}
	return `"text"`
}

// overridden turns the text of an override into what its field takes.
func overridden(f setting.Field, text string) any {
	switch f.Type {
	case secretType:
		return newSecret(text)
	case "true or false":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "whole number":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}

func keyNames(fields []setting.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// dotted joins the parts of a key.
func dotted(names []name) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = quoteKey(n.text)
	}
	return strings.Join(parts, ".")
}

// quoteKey writes a key as it must stand in a file.
func quoteKey(key string) string {
	if bareKey.MatchString(key) && !strings.Contains(key, ".") {
		return key
	}
	return strconv.Quote(key)
}

// zone reads the name of a time zone.
func zone(text string, to **time.Location) error {
	loc, err := loadZone(text)
	if err == nil {
		*to = loc
	}
	return err
}
