package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/pelletier/go-toml/v2"

	"milkrun/sync/catalogue"
	"milkrun/sync/setting"
)

// The catalogue of interfaces is a file of its own, which the two parties can read, compare and keep with their agreement
// without the connections and jobs of others. It is read as strictly as jobs.toml.

// catalogueField is the key that names the file.
func catalogueField(to *string) setting.Field {
	return setting.Text("catalogue", to, "the file with the catalogue of interfaces, beside this one: docs/catalogue.md",
		"接口目录文件，路径相对于本文件：见 docs/catalogue.zh-CN.md")
}

// catalogue reads the file that the key of this name names.
func (r *reader) catalogue(c *Config) {
	if c.Catalogue == "" {
		return
	}
	path := r.beside(c.Catalogue)
	text, err := os.ReadFile(path)
	if err != nil {
		p := unreadable(path, err)
		r.report(Error, r.root.find("catalogue").at, "catalogue", p.File+": "+p.Text, "correct the path; it is relative to the folder of this file")
		return
	}
	c.Digest = digest(r.text, text)
	file := newReader(path, text, r.opt)
	if file.encoding() {
		file.build()
		c.Interfaces = file.interfaces(c)
	}
	r.others = append(r.others, file.located()...)
}

func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

// catalogueOf is the text of the catalogue that a configuration names, nil when it names none that can be read.
func catalogueOf(path string, text []byte) []byte {
	var named struct{ Catalogue string }
	if toml.Unmarshal(text, &named) != nil || named.Catalogue == "" {
		return nil
	}
	r := reader{folder: filepath.Dir(path)}
	other, err := os.ReadFile(r.beside(named.Catalogue))
	if err != nil {
		return nil
	}
	return other
}

// interfaces reads the tables of a catalogue. Nothing in it is secret.
func (r *reader) interfaces(c *Config) []*catalogue.Interface {
	r.show(r.root)
	r.hidden = nil
	var list []*catalogue.Interface
	for _, e := range r.root.entries {
		path := quoteKey(e.name)
		t, ok := r.table(path, e, "[NAME], one for each interface")
		if ok && r.checkName(path, e) {
			list = append(list, r.interfaceIn(c, e.name, block{path, t}))
		}
	}
	slices.SortFunc(list, func(a, b *catalogue.Interface) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// versionKey is the key of a version in the table of its interface: [orders.v2].
var versionKey = regexp.MustCompile(`^v([1-9][0-9]{0,5})$`)

// interfaceIn reads [NAME] with its versions.
func (r *reader) interfaceIn(c *Config, name string, b block) *catalogue.Interface {
	i := catalogue.New(name)
	i.Digest = digestOf(b.table)
	specials := special{}
	for _, e := range b.table.entries {
		if versionKey.MatchString(e.name) {
			specials[e.name] = nil
		}
	}
	fields := i.Fields()
	f := r.fill(b, fields, nil, specials)
	for _, e := range b.table.entries { // now that the interface is known
		if m := versionKey.FindStringSubmatch(e.name); m != nil {
			r.versionIn(c, i, m[1], b.sub(e.name), e)
		}
	}
	slices.SortFunc(i.Versions, func(a, b *catalogue.Version) int { return cmp.Compare(a.Number, b.Number) })
	r.finish(f, fields, func() []setting.Problem { return r.wholeInterface(c, i) })
	r.effective(i, b)
	return i
}

// wholeInterface checks what cannot be seen from one key of an interface.
func (r *reader) wholeInterface(c *Config, i *catalogue.Interface) []setting.Problem {
	var list []setting.Problem
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if _, known := c.Connections[i.Connection]; !known && i.Connection != "" {
		problem("connection", fmt.Sprintf("there is no connection %q", i.Connection), suggest(i.Connection, slices.Sorted(maps.Keys(c.Connections))))
	}
	if len(i.Versions) == 0 {
		problem("", "the interface has no version", "add ["+i.Name+".v1.fields] with its fields")
	}
	for _, v := range i.Versions {
		if len(v.Fields) == 0 {
			continue // said already
		}
		for _, name := range i.Key {
			if v.Field(name) == nil {
				problem("key", fmt.Sprintf("version %d has no field %q", v.Number, name), suggest(name, fieldNames(v)))
			}
		}
		if f := v.Field(i.Time); i.Time != "" && f == nil {
			problem("time", fmt.Sprintf("version %d has no field %q", v.Number, i.Time), suggest(i.Time, fieldNames(v)))
		} else if f != nil && f.Type != catalogue.Time && f.Type != catalogue.Date && f.Type != catalogue.Integer {
			problem("time", fmt.Sprintf("the field %q of version %d is no time", i.Time, v.Number), `its type must be "time", "date", or "integer" (seconds or milliseconds since 1970)`)
		}
	}
	if i.Time == "" && i.Within > 0 {
		problem("within", "no lag is known without the time of a record", "say which field has it: time = \"…\"")
	}
	return list
}

func fieldNames(v *catalogue.Version) []string {
	names := make([]string, len(v.Fields))
	for n, f := range v.Fields {
		names[n] = f.Name
	}
	return names
}

// versionIn reads [NAME.v1].
func (r *reader) versionIn(c *Config, i *catalogue.Interface, number, path string, e *entry) {
	n, _ := strconv.Atoi(number) // six digits at most
	v := catalogue.NewVersion(n)
	t, ok := r.table(path, e, "["+path+"]")
	if !ok {
		return
	}
	b := block{path, t}
	f := r.fill(b, v.Settings(), nil, special{
		"from":   func(path string, e *entry) { v.From = r.day(c, path, e, 0) },
		"until":  func(path string, e *entry) { v.To = r.day(c, path, e, 1) },
		"fields": func(path string, e *entry) { r.fieldsIn(i, v, path, e) },
	})
	if len(v.Fields) == 0 && !r.broken {
		r.report(Error, f.table.at, path, "the version has no fields", "add ["+path+".fields] with a line for each field")
	}
	i.Versions = append(i.Versions, v)
}

// day reads a date, and returns the beginning of the day so many days later.
func (r *reader) day(c *Config, path string, e *entry, later int) time.Time {
	at, err := time.ParseInLocation(time.DateOnly, fmt.Sprint(e.value), c.Location)
	if err != nil {
		r.report(Error, e.at, path, "this is no date", "write for example 2026-12-01")
		return at
	}
	return at.AddDate(0, 0, later)
}

// effective orders the versions in time: each takes effect after the one before it, which then ends unless it says until
// when it goes on beside.
func (r *reader) effective(i *catalogue.Interface, b block) {
	for n, v := range i.Versions {
		path := b.sub("v" + strconv.Itoa(v.Number))
		at := b.table.find("v" + strconv.Itoa(v.Number)).at
		if n > 0 && !v.From.After(i.Versions[n-1].From) {
			r.report(Error, at, path+".from", fmt.Sprintf("version %d does not take effect after version %d", v.Number, i.Versions[n-1].Number),
				"give it from, a later date")
		}
		if !v.To.IsZero() && !v.To.After(v.From) {
			r.report(Error, at, path+".until", "the version ends before it takes effect", "correct from or until")
		}
		if v.To.IsZero() && n+1 < len(i.Versions) {
			v.To = i.Versions[n+1].From
		}
	}
}

func (r *reader) fieldsIn(i *catalogue.Interface, v *catalogue.Version, path string, e *entry) {
	t, ok := r.table(path, e, "["+path+"] with a line for each field")
	if !ok {
		return
	}
	for _, one := range t.entries {
		b := block{path, t}
		if sub, ok := r.table(b.sub(one.name), one, quoteKey(one.name)+` = { type = "text", required = true }`); ok {
			v.Fields = append(v.Fields, r.fieldIn(i, one.name, block{b.sub(one.name), sub}))
		}
	}
}

func (r *reader) fieldIn(i *catalogue.Interface, name string, b block) *catalogue.Field {
	for _, key := range []string{"min", "max", "enum"} {
		if e := b.table.find(key); e != nil {
			e.value = numbersAsText(e.value)
		}
	}
	f := catalogue.NewField(name)
	fields := f.Fields()
	r.finish(r.fill(b, fields, nil, nil), fields, func() []setting.Problem {
		list := f.Validate()
		if i.UserData && f.IsPersonal() && f.Allowed == catalogue.Raw {
			list = append(list, setting.Problem{Key: "allowed", Text: "user data is exchanged desensitised only (agreement, clause 2.1)",
				Remedy: `write allowed = "masked" or "never"`})
		}
		return list
	})
	return f
}

// numbersAsText writes numbers as text, also in a list: what they bound is compared digit by digit.
func numbersAsText(v any) any {
	switch n := v.(type) {
	case int64:
		return strconv.FormatInt(n, 10)
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	case []any:
		list := make([]any, len(n))
		for i, one := range n {
			list[i] = numbersAsText(one)
		}
		return list
	}
	return v
}
