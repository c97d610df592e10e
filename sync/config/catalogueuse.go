package config

import (
	"fmt"
	"maps"
	"slices"

	"milkrun/sync/catalogue"
	"milkrun/sync/setting"
)

// interfaceField is the key of a job that names its interface.
func interfaceField(to *string) setting.Field {
	return setting.Text("interface", to, `the interface of the catalogue that every record is held against; "orders@2" is its version 2, whatever is in effect`,
		`逐条校验所依据的接口目录条目；"orders@2" 固定用第 2 版，不看生效日期`)
}

// naming is a source that may know its columns beforehand; nil when it does not.
type naming interface{ Columns() []string }

// interfaceOf finds the interface of a job and checks that the job keeps it, as far as that can be seen from here.
func (r *reader) interfaceOf(c *Config, j *Job, k *keys) {
	if k.interfaceName == "" || j.Source.Connection == nil || j.Sink.Connection == nil {
		return
	}
	u := use{reader: r, job: j, at: k.origin["interface"]}
	i := u.find(c, k.interfaceName)
	if i == nil || r.others.HasErrors() { // the catalogue is to be mended first
		return
	}
	j.Interface.Interface = i
	switch i.Connection {
	case j.Sink.Connection.Name:
		j.Interface.Outgoing = true
	case j.Source.Connection.Name:
	default:
		u.say(Error, fmt.Sprintf("the interface %s is one with the connection %s, which the job does not use", i.Name, i.Connection),
			"name an interface of the job's source or sink")
		return
	}
	if j.Purpose == "" {
		j.Purpose = i.Purpose
	}
	u.columns()
	if j.Interface.Outgoing {
		u.masks()
	}
}

// use is a job's interface being checked.
type use struct {
	*reader
	job *Job
	at  origin
}

func (u use) say(s Severity, text, remedy string) { u.report(s, u.at.at, u.at.path, text, remedy) }

// find returns the interface that a job names, nil when there is none or not that version.
func (u use) find(c *Config, text string) *catalogue.Interface {
	name, version, err := catalogue.ParseUse(text)
	if err != nil {
		u.say(Error, err.Error(), "")
		return nil
	}
	if c.Catalogue == "" {
		u.say(Error, "this file names no catalogue of interfaces", `add catalogue = "interfaces.toml" above all tables; docs/catalogue.md tells what is in it`)
		return nil
	}
	i := c.Interface(name)
	switch {
	case i == nil && !u.others.HasErrors():
		u.say(Error, fmt.Sprintf("there is no interface %q in %s", name, c.Catalogue), suggest(name, interfaceNames(c)))
	case i != nil && version > 0 && i.Version(version) == nil:
		u.say(Error, fmt.Sprintf("the interface %s has no version %d", name, version), fmt.Sprintf("its versions are %v", numbers(i)))
		return nil
	}
	u.job.Interface.Pinned = version
	return i
}

func interfaceNames(c *Config) []string {
	names := make([]string, len(c.Interfaces))
	for n, i := range c.Interfaces {
		names[n] = i.Name
	}
	return names
}

func numbers(i *catalogue.Interface) []int {
	list := make([]int, len(i.Versions))
	for n, v := range i.Versions {
		list[n] = v.Number
	}
	return list
}

// versions are those that the job's records may be held against.
func (u use) versions() []*catalogue.Version {
	if pinned := u.job.Interface.Pinned; pinned > 0 {
		return []*catalogue.Version{u.job.Interface.Version(pinned)}
	}
	return u.job.Interface.Versions
}

// columns compares the columns of the source, where they are known here, with the fields: those that user data may not
// have, and those that every record must. Where they are not known, the run looks.
func (u use) columns() {
	source, ok := u.job.Source.Settings.(naming)
	if !ok || len(source.Columns()) == 0 {
		return
	}
	known := source.Columns()
	for _, f := range u.newest().Fields {
		if f.Required && !slices.Contains(known, f.Name) && len(u.versions()) == 1 {
			u.say(Error, fmt.Sprintf("the interface %s requires %s, and the source does not read it", u.job.Interface.Name, f.Name), "add it to the source's columns")
		}
	}
	for _, column := range known {
		if u.job.Interface.UserData && len(u.having(column)) == 0 {
			u.say(Error, fmt.Sprintf("the source has the column %s, which %s does not list, and of user data only what is listed may be exchanged (agreement, 二.1)", column,
				u.job.Interface.Name), "take it out of the source's columns, or agree on it with the partner and list it")
		}
	}
}

// newest is the version with the highest number.
func (u use) newest() *catalogue.Version {
	list := u.versions()
	return list[len(list)-1]
}

// having are the versions that have a field.
func (u use) having(field string) []*catalogue.Version {
	return slices.DeleteFunc(slices.Clone(u.versions()), func(v *catalogue.Version) bool { return v.Field(field) == nil })
}

// masks compares the masks of a job whose target is the partner with what the interface wants. What only some versions
// want is a warning: whether the records have such a column, the run sees.
func (u use) masks() {
	wanted := map[string]int{} // versions that want a field masked
	for _, v := range u.versions() {
		for _, f := range v.Fields {
			if _, masked := u.job.Mask[f.Name]; f.MustMask() && !masked {
				wanted[f.Name]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		severity, format := Warning, "some versions of the interface %s want %s masked, and the job does not mask it"
		if wanted[name] == len(u.versions()) {
			severity, format = Error, "the interface %s wants %s masked, and the job does not mask it"
		}
		u.say(severity, fmt.Sprintf(format, u.job.Interface.Name, name), fmt.Sprintf(`add mask = { %s = %q }`, quoteKey(name), u.rule(name)))
	}
	for _, column := range slices.Sorted(maps.Keys(u.job.Mask)) {
		u.mask(column, u.job.Mask[column].String())
	}
}

// rule is the masking rule that fits a field.
func (u use) rule(field string) string {
	for _, v := range u.having(field) {
		switch class := v.Field(field).Personal; class {
		case "ip":
			return "ipv4"
		case "other", "none":
		default:
			return class
		}
	}
	return "password"
}

// mask checks a column that the job masks.
func (u use) mask(column, rule string) {
	having := u.having(column)
	if len(having) == 0 && u.job.Interface.UserData {
		u.say(Error, fmt.Sprintf("the job masks %s, which %s does not list, and of user data only what is listed may be exchanged (agreement, 二.1)", column,
			u.job.Interface.Name), "leave the column out at the source, or list it")
	}
	required, forbidden := 0, 0
	for _, v := range having {
		f := v.Field(column)
		if f.Required {
			required++
		}
		if f.Forbidden() {
			forbidden++
		}
	}
	switch {
	case rule == "drop" && required > 0 && required == len(having):
		u.say(Error, fmt.Sprintf("the interface %s requires %s, and the job drops it", u.job.Interface.Name, column), "mask it by another rule")
	case rule != "drop" && forbidden > 0:
		u.say(Error, fmt.Sprintf("the interface %s never exchanges %s, and the job only masks it by %s", u.job.Interface.Name, column, rule),
			fmt.Sprintf(`write mask = { %s = "drop" }`, quoteKey(column)))
	}
}
