package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sync/catalogue"
	"milkrun/sync/config"
)

func (a *app) interfacesCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "interfaces",
		Short: "Show the catalogue of interfaces agreed on with partners, and how timely they are",
		Long: `The catalogue of interfaces, a file that the key catalogue of jobs.toml names, says which fields a partner and we exchange, in
which form, and since when. A job that names an interface has every record held against it; what does not fit becomes a dead
letter, and milkrun rejections lists such records for the partner.`,
		Example: `  milkrun interfaces list
  milkrun interfaces show orders@2 --markdown > orders.md
  milkrun interfaces timeliness --month 2026-11`,
	}, a.interfacesListCommand(), a.interfacesShowCommand(), a.interfacesTimelinessCommand())
}

func (a *app) interfacesListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the interfaces with the version in effect and the one to come",
		Long:    "List the interfaces of the catalogue: the version in effect, the one that takes effect next, what is promised, and the jobs that go by it.",
		Example: "  milkrun interfaces list --json",
		Args:    arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return a.listInterfaces(*asJSON) }
	return cmd
}

func (a *app) listInterfaces(asJSON bool) error {
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	now := time.Now()
	if asJSON {
		return a.printJSON(views(conf.Interfaces, func(i *catalogue.Interface) interfaceView { return viewInterface(conf, i, now) }))
	}
	rows := views(conf.Interfaces, func(i *catalogue.Interface) []any {
		v := viewInterface(conf, i, now)
		next := "-"
		if coming := i.Coming(now); len(coming) > 0 {
			next = fmt.Sprintf("%d from %s on", coming[0].Number, coming[0].From.Format(time.DateOnly))
		}
		return []any{i.Name, i.Connection, orDash(a.titleOf(i)), orDash(joined(i.InEffect(now))), next, orDash(i.Promises()), orDash(list(v.Jobs))}
	})
	a.printTable([]any{"NAME", "CONNECTION", "TITLE", "IN EFFECT", "NEXT", "PROMISED", "JOB"}, rows, "there is no catalogue of interfaces")
	return nil
}

// titleOf is what an interface is, in the operator's language as far as it is said.
func (a *app) titleOf(i *catalogue.Interface) string {
	if a.chinese() && i.Zh != "" || i.Title == "" {
		return i.Zh
	}
	return i.Title
}

func joined(versions []*catalogue.Version) string {
	return list(views(versions, func(v *catalogue.Version) string { return fmt.Sprint(v.Number) }))
}

func (a *app) interfacesShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME[@VERSION]",
		Short: "Show an interface, also as the description for the partner",
		Long: `Show an interface with its fields: those of the version in effect, or of the one that is named. With --markdown it is the
description for the partner, of all versions, with test cases that follow from the definition; --lang chooses its language.`,
		Example: `  milkrun interfaces show users
  milkrun interfaces show orders@2 --markdown --lang zh > orders.md`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	markdown := cmd.Flags().Bool("markdown", false, "write the description for the partner")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if *markdown && *asJSON {
			return usage("choose one of --json and --markdown")
		}
		return a.showInterface(args[0], *markdown, *asJSON)
	}
	return cmd
}

func (a *app) showInterface(name string, markdown, asJSON bool) error {
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	i, version, err := findInterface(conf, name)
	switch {
	case err != nil:
		return err
	case markdown:
		return i.Describe(a.stdout, version, a.chinese())
	case asJSON:
		return a.printJSON(viewInterface(conf, i, time.Now()))
	}
	a.printInterface(i, version)
	return nil
}

// findInterface finds what somebody typed: an interface, and the number of its version, 0 for none.
func findInterface(conf *config.Config, text string) (*catalogue.Interface, int, error) {
	name, version, err := catalogue.ParseUse(text)
	if err != nil {
		return nil, 0, usage("%w", err)
	}
	i := conf.Interface(name)
	if i == nil {
		return nil, 0, unknown("interface", name, views(conf.Interfaces, func(i *catalogue.Interface) string { return i.Name }))
	}
	if version > 0 && i.Version(version) == nil {
		return nil, 0, &exit{code: exitUsage, cause: fmt.Errorf("the interface %s has no version %d", name, version),
			remedy: "there are: " + joined(i.Versions)}
	}
	return i, version, nil
}

func (a *app) printInterface(i *catalogue.Interface, version int) {
	a.field("name", "%s", i.Name)
	a.field("connection", "%s", i.Connection)
	a.field("title", "%s", orDash(a.titleOf(i)))
	a.field("purpose", "%s", orDash(i.Purpose))
	a.field("key", "%s", orDash(list(i.Key)))
	a.field("time", "%s", orDash(i.Time))
	a.field("promised", "%s", orDash(i.Promises()))
	if i.UserData {
		a.field("user data", "%s", "only listed fields, personal ones masked")
	}
	shown := i.InEffect(time.Now())
	if version > 0 {
		shown = []*catalogue.Version{i.Version(version)}
	}
	for _, v := range shown {
		a.say("")
		a.field("version", "%d, %s", v.Number, period(v))
		a.printTable([]any{"FIELD", "TYPE", "REQUIRED", "RULES", "PERSONAL", "MEANING"}, views(v.Fields, func(f *catalogue.Field) []any { return a.fieldRow(v, f) }), "no fields")
	}
	if len(shown) == 0 {
		a.say("\nno version is in effect; its versions are %s", joined(i.Versions))
	}
}

// period says from when to when a version is in effect, the last day included.
func period(v *catalogue.Version) string {
	from, to := v.From.Format(time.DateOnly), v.To.AddDate(0, 0, -1).Format(time.DateOnly)
	switch {
	case v.From.IsZero() && v.To.IsZero():
		return "always in effect"
	case v.To.IsZero():
		return fmt.Sprintf("in effect from %s on", from)
	case v.From.IsZero():
		return fmt.Sprintf("in effect through %s", to)
	}
	return fmt.Sprintf("in effect from %s through %s", from, to)
}

func (a *app) fieldRow(v *catalogue.Version, f *catalogue.Field) []any {
	required, personal, title := "", "", f.Title
	if f.Required {
		required = "yes"
	}
	if f.IsPersonal() {
		personal = f.Personal + " " + f.Allowed
	}
	if a.chinese() && f.Zh != "" || title == "" {
		title = f.Zh
	}
	return []any{f.Name, f.Type, required, cut(v.Rules(f, a.chinese()), 60), personal, title}
}

// announcement says when a version takes effect.
func announcement(i *catalogue.Interface, v *catalogue.Version, now time.Time) string {
	on, days := v.From.Format(time.DateOnly), int(v.From.Sub(now)/(24*time.Hour))+1
	if days == 1 {
		return fmt.Sprintf("%s version %d takes effect within a day, on %s", i.Name, v.Number, on)
	}
	return fmt.Sprintf("%s version %d takes effect in %d days, on %s", i.Name, v.Number, days, on)
}

// interfaceNotices says what the dates of the catalogue mean on a day: versions to come, and jobs without one in effect.
func interfaceNotices(conf *config.Config, now time.Time) (list []string) {
	for _, i := range conf.Interfaces {
		for _, v := range i.Coming(now) {
			list = append(list, announcement(i, v, now))
		}
	}
	for _, j := range conf.Jobs {
		use := j.Interface
		switch {
		case use.Interface == nil:
		case len(use.At(now)) == 0:
			list = append(list, fmt.Sprintf("job %s: no version of %s is in effect", j.Name, use))
		case use.Pinned > 0 && len(use.InEffect(now)) > 0 && use.InEffect(now)[0].Number != use.Pinned:
			list = append(list, fmt.Sprintf("job %s stays with %s, and version %d is in effect", j.Name, use, use.InEffect(now)[0].Number))
		}
	}
	return list
}
