package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/alert"
	"milkrun/sync/config"
	"milkrun/sync/setting"
)

// partnerTest is the message that is marked as a test, and the channels that reach a partner.
func partnerTest(conf *config.Config, name string) ([]alert.Route, alert.Message, error) {
	p := conf.Alerts.Partner(name)
	if p == nil {
		var known []string
		for _, p := range conf.Alerts.Partners {
			known = append(known, p.Name)
		}
		return nil, alert.Message{}, unknown("partner", name, known)
	}
	routes := slices.DeleteFunc(conf.Alerts.PartnerRoutes(), func(r alert.Route) bool { return r.Partner != name })
	if len(routes) == 0 {
		return nil, alert.Message{}, &exit{code: exitUsage, cause: fmt.Errorf("partner %s has no channel", name),
			remedy: "add channels to [partners." + name + "], and the channels to [alerts.channels]"}
	}
	return routes, alert.TestNotice(p, time.Now()), nil
}

// incidentView is an incident.
type incidentView struct {
	ID          int64      `json:"id"`
	Partner     string     `json:"partner,omitempty"`
	Job         string     `json:"job"`
	Interface   string     `json:"interface"`
	Kind        alert.Kind `json:"kind"`
	Code        string     `json:"code,omitempty"`
	Since       time.Time  `json:"since"`
	EndedAt     time.Time  `json:"ended_at,omitzero"`
	Impact      *int64     `json:"impact_records,omitempty"` // left out when nobody can tell
	NotifiedAt  time.Time  `json:"notified_at,omitzero"`
	EscalatedAt time.Time  `json:"escalated_at,omitzero"`
	ClearedAt   time.Time  `json:"cleared_at,omitzero"`
}

func viewIncident(i alert.Incident) incidentView {
	v := incidentView{ID: i.ID, Partner: i.Partner, Job: i.Job, Interface: i.Interface, Kind: i.Kind, Code: i.Code, Since: i.Since,
		EndedAt: i.EndedAt, NotifiedAt: i.NotifiedAt, EscalatedAt: i.EscalatedAt, ClearedAt: i.ClearedAt}
	if i.Impact >= 0 {
		v.Impact = &i.Impact
	}
	return v
}

func (a *app) incidentsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "incidents",
		Short: "Look at the times in which an exchange did not work",
		Long: `Look at incidents: from the first trouble of a job (a failed run, a halt, a slot that is late) until nothing is wrong
with it any more, with the most records that waited, and when the contacts of its partner were told ([partners.NAME]).
The running daemon keeps them.`,
		Example: `  milkrun incidents list --since 30d
  milkrun incidents show 7 --json`,
	}, a.incidentsListCommand(), a.incidentsShowCommand())
}

// span of time that incidents are asked for.
type incidentSpan struct {
	From, To time.Time
}

func (a *app) incidentsListCommand() *cobra.Command {
	since := "90d"
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the incidents of the last time, oldest first",
		Args:  arguments(cobra.NoArgs),
	}
	cmd.Flags().StringVar(&since, "since", since, "how far back, as 30d or 12h")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		back, err := setting.ParseDuration(since)
		if err != nil || back <= 0 {
			return &exit{code: exitUsage, cause: fmt.Errorf("%q is no duration", since), remedy: "write for example --since 30d"}
		}
		zones := a.zones()
		return listing[incidentSpan, alert.Incident, incidentView]{
			view: viewIncident, asJSON: *asJSON, none: "no incident in this time",
			question: askIncidents(), about: incidentSpan{From: time.Now().Add(-back)},
			header: []any{"ID", "PARTNER", "JOB", "INTERFACE", "KIND", "SINCE", "ENDED", "WAITED", "TOLD"},
			row: func(i alert.Incident) []any {
				zone := zones.of(i.Job)
				return []any{i.ID, orDash(i.Partner), i.Job, i.Interface, i.Kind, clock(i.Since, zone), clock(i.EndedAt, zone), impactOf(i), clock(i.NotifiedAt, zone)}
			},
		}.print(cmd.Context(), a)
	}
	return cmd
}

func impactOf(i alert.Incident) string {
	if i.Impact < 0 {
		return orDash("")
	}
	return grouped(i.Impact)
}

func (a *app) incidentsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one incident",
		Args:  arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := numbered(args[0], "incident", "milkrun incidents list")
		if err != nil {
			return err
		}
		return a.showIncident(cmd.Context(), id, *asJSON)
	}
	return cmd
}

func (a *app) showIncident(ctx context.Context, id int64, asJSON bool) error {
	i, err := askIncident().ask(ctx, a, id)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(viewIncident(i))
	}
	zone := a.zones().of(i.Job)
	a.field("incident", "%d", i.ID)
	a.field("partner", "%s", orDash(i.Partner))
	a.field("job", "%s", i.Job)
	a.field("interface", "%s", i.Interface)
	a.field("kind", "%s", i.Kind)
	a.field("code", "%s", orDash(i.Code))
	a.field("since", "%s", clock(i.Since, zone))
	a.field("ended", "%s", clock(i.EndedAt, zone))
	a.field("waited", "%s", impactOf(i))
	a.field("told", "%s", clock(i.NotifiedAt, zone))
	a.field("escalated", "%s", clock(i.EscalatedAt, zone))
	a.field("all clear", "%s", clock(i.ClearedAt, zone))
	return nil
}

func askIncidents() question[incidentSpan, []alert.Incident] {
	return question[incidentSpan, []alert.Incident]{"incidents", func(ctx context.Context, _ *app, s *state.Store, q incidentSpan) ([]alert.Incident, error) {
		return s.Incidents(ctx, q.From, q.To)
	}}
}

func askIncident() question[int64, alert.Incident] {
	return question[int64, alert.Incident]{"incident", func(ctx context.Context, _ *app, s *state.Store, id int64) (alert.Incident, error) {
		i, err := s.Incident(ctx, id)
		return i, notThere(err, "milkrun incidents list shows them")
	}}
}
