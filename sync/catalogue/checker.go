package catalogue

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// Checker holds the records of one run against its interface. It may be used by several goroutines at once.
type Checker struct {
	use      Use
	versions []*Version // the newest first
	masks    map[string]mask.Rule
	zone     *time.Location
	last     atomic.Pointer[plan]
}

// Checker returns what holds the records of a run that begins at a moment against the interface. masks are those of the
// job, by column; times without a zone are of zone. It is nil without an interface.
func (u Use) Checker(at time.Time, masks map[string]mask.Rule, zone *time.Location) *Checker {
	if u.Interface == nil {
		return nil
	}
	return &Checker{use: u, versions: u.At(at), masks: masks, zone: zone}
}

// Use returns the interface.
func (c *Checker) Use() Use { return c.use }

// Version returns the newest version that counts, nil when none is in effect.
func (c *Checker) Version() *Version {
	if len(c.versions) == 0 {
		return nil
	}
	return c.versions[0]
}

// Refusal is a record that the interface does not allow.
type Refusal struct {
	Row int // of the batch
	// Code is check:FIELD:RULE of the first rule that is broken, the rule one of required, type, min, max, min_length,
	// max_length, enum, pattern, masked and never. Reason names the version and all broken rules, up to a few; it holds no
	// personal value.
	Code, Reason string
}

// plan is the versions made ready for the columns of a feed.
type plan struct {
	columns  *feed.Columns
	versions []program // those that the columns fit, the newest first
	unlisted []string  // columns that the newest of them does not list
	instant  *rule     // of the field that is a record's own time; nil without one
	refused  error     // no version fits
}

// program is one version for the columns of a feed.
type program struct {
	label string
	rules []*rule
}

// Check returns the records of a batch that break the interface, in order. The error, which halts the job, says that no
// version in effect allows the columns as they are: an unlisted one in an interface of user data, or one that must be
// masked and is not.
func (c *Checker) Check(b feed.Batch) ([]Refusal, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	p := c.plan(b.Columns)
	if p.refused != nil {
		return nil, p.refused
	}
	var list []Refusal
	width := b.Columns.Len()
	for i, at := 0, 0; at < len(b.Values); i, at = i+1, at+width {
		if row := b.Values[at : at+width]; !p.passes(row) {
			list = append(list, p.versions[0].refusal(i, row))
		}
	}
	return list, nil
}

// Unlisted returns the columns that the interface does not list and lets pass.
func (c *Checker) Unlisted(columns *feed.Columns) []string {
	if columns == nil || columns.Len() == 0 {
		return nil
	}
	return c.plan(columns).unlisted
}

// Instant returns the own time of a record: that of the field that the interface names; zero when it names none or the
// record has none.
func (c *Checker) Instant(b feed.Batch, row int) time.Time {
	r := c.plan(b.Columns).instant
	if r == nil || r.at < 0 {
		return time.Time{}
	}
	return r.instant(b.Row(row)[r.at])
}

func (p *plan) passes(row []feed.Value) bool {
	for i := range p.versions {
		if p.versions[i].passes(row) {
			return true
		}
	}
	return false
}

func (g *program) passes(row []feed.Value) bool {
	for _, r := range g.rules {
		if r.of(row) != kept {
			return false
		}
	}
	return true
}

// of checks the column of a row.
func (r *rule) of(row []feed.Value) breach {
	if r.at < 0 {
		return r.check(nil)
	}
	return r.check(row[r.at])
}

// plan returns what is ready for the columns; those of a feed are mostly the same ones again.
func (c *Checker) plan(columns *feed.Columns) *plan {
	if p := c.last.Load(); p != nil && p.columns.Equal(columns) {
		return p
	}
	p := c.compile(columns)
	c.last.Store(p)
	return p
}

func (c *Checker) compile(columns *feed.Columns) *plan {
	p := &plan{columns: columns}
	if len(c.versions) == 0 {
		p.refused = c.none()
		return p
	}
	for _, v := range c.versions {
		g, err := c.program(v, columns)
		if err != nil {
			if p.refused == nil {
				p.refused = err
			}
			continue
		}
		if len(p.versions) == 0 {
			p.unlisted, p.instant = unlisted(v, columns), instant(c.use.Time, g.rules)
		}
		p.versions = append(p.versions, g)
	}
	if len(p.versions) > 0 {
		p.refused = nil
	}
	return p
}

func instant(field string, list []*rule) *rule {
	at := slices.IndexFunc(list, func(r *rule) bool { return r.field.Name == field })
	if at < 0 {
		return nil
	}
	return list[at]
}

// program compiles a version, if it allows the columns.
func (c *Checker) program(v *Version, columns *feed.Columns) (program, error) {
	g := program{label: c.use.Label(v)}
	if extra := unlisted(v, columns); c.use.UserData && len(extra) > 0 {
		return g, feed.Errorf(feed.HaltJob, "interface", "the records have %v, which %s does not list, and of user data only what is listed may be exchanged",
			extra, g.label).WithRemedy("leave these columns out at the source, or agree on them with the partner and list them in the catalogue; then resume the job")
	}
	for _, f := range v.Fields {
		r := newRule(f, v, c.zone)
		r.outgoing = c.use.Outgoing
		r.mask, r.masked = c.masks[f.Name]
		_, guessed := mask.Guess(f.Name)
		r.private = f.IsPersonal() || r.masked || guessed
		at, there := columns.Index(f.Name)
		if r.at = at; !there {
			r.at = -1
		}
		if err := r.allowed(g.label); err != nil {
			return g, err
		}
		g.rules = append(g.rules, r)
	}
	return g, nil
}

// allowed refuses a column that would leave as it must not.
func (r *rule) allowed(label string) error {
	switch {
	case !r.outgoing || r.at < 0:
	case r.field.MustMask() && !r.masked:
		return feed.Errorf(feed.HaltJob, "interface", "%s wants %s masked, and the job does not mask it", label, r.field.Name).
			WithRemedy("add %s to mask of the job, then resume it", r.field.Name)
	case r.field.Forbidden() && (!r.masked || r.mask.String() != dropping):
		return feed.Errorf(feed.HaltJob, "interface", "%s never exchanges %s, and the records have it", label, r.field.Name).
			WithRemedy(`leave the column out at the source, or write mask = { %s = "drop" }, then resume the job`, r.field.Name)
	}
	return nil
}

// dropping is the masking rule that leaves nothing.
const dropping = "drop"

func (c *Checker) none() error {
	if c.use.Pinned > 0 {
		return feed.Errorf(feed.HaltJob, "interface", "the catalogue has no %s", c.use)
	}
	return feed.Errorf(feed.HaltJob, "interface", "no version of the interface %s is in effect now", c.use.Name).
		WithRemedy("correct from and until of its versions in the catalogue, then resume the job")
}

func unlisted(v *Version, columns *feed.Columns) []string {
	var list []string
	for _, name := range columns.Names() {
		if v.Field(name) == nil {
			list = append(list, name)
		}
	}
	return list
}

// mostReasons is how many broken rules of a record are told.
const mostReasons = 5

// refusal says what is wrong with a row, if anything.
func (g *program) refusal(i int, row []feed.Value) Refusal {
	out := Refusal{Row: i}
	var reasons []string
	for _, r := range g.rules {
		b := r.of(row)
		if b == kept {
			continue
		}
		if out.Code == "" {
			out.Code = Code(r.field.Name, b.String())
		}
		var value feed.Value
		if r.at >= 0 {
			value = row[r.at]
		}
		if reasons = append(reasons, r.reason(b, value)); len(reasons) == mostReasons {
			break
		}
	}
	out.Reason = g.label + ": " + strings.Join(reasons, "; ")
	return out
}
