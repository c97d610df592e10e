package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
)

func (a *app) interfacesTimelinessCommand() *cobra.Command {
	month := ""
	cmd := &cobra.Command{
		Use:   "timeliness",
		Short: "Show how timely the records of each interface were, beside what is promised",
		Long: `Show for each interface and job what was delivered in a month, how much later than their own time the records came (on average,
for half and for 95 of 100 of them, and at most), how many came later than promised, and on how many days the delivery was
done by the promised time. New records alone have a lag: none of a first run, a complete pass, a backfill or a re-push. The
figures of a run are added when it ends; of one that a crash ends there are none. The lag of half, and of 95 of 100, is
estimated from a histogram.`,
		Example: `  milkrun interfaces timeliness
  milkrun interfaces timeliness --month 2026-11 --json`,
		Args: arguments(cobra.NoArgs),
	}
	cmd.Flags().StringVar(&month, "month", "", "the month, as 2026-11 (default this one)")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		from, err := monthOf(month, time.Now())
		if err != nil {
			return err
		}
		return a.timeliness(cmd.Context(), from, *asJSON)
	}
	return cmd
}

// monthOf is the first day of a month, of the one of now when none is written.
func monthOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location()), nil
	}
	from, err := time.ParseInLocation("2006-01", text, now.Location())
	if err != nil {
		return from, usage("%q is no month; write for example 2026-11", text)
	}
	return from, nil
}

// daySpan is a question about days: from the one of From up to, and without, the one of To.
type daySpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func askTimeliness() question[daySpan, []state.Timeliness] {
	return question[daySpan, []state.Timeliness]{"timeliness", func(ctx context.Context, _ *app, s *state.Store, q daySpan) ([]state.Timeliness, error) {
		return s.Timeliness(ctx, q.From, q.To)
	}}
}

// timelinessView is how an interface did with one job in a month; spans are seconds.
type timelinessView struct {
	Interface   string    `json:"interface"`
	Version     int       `json:"version"`
	Job         string    `json:"job"`
	Connection  string    `json:"connection"`
	Month       string    `json:"month"`
	Runs        int64     `json:"runs"`
	Records     int64     `json:"records"`
	Rejected    int64     `json:"rejected"`
	Late        int64     `json:"late"`
	Timed       int64     `json:"timed"` // records whose own time is known
	Average     float64   `json:"lag_average_seconds"`
	Half        float64   `json:"lag_p50_seconds"`
	Most        float64   `json:"lag_p95_seconds"`
	Max         float64   `json:"lag_max_seconds"`
	Within      int64     `json:"promised_within_seconds,omitempty"`
	DoneBy      string    `json:"promised_done_by,omitempty"`
	Every       int64     `json:"promised_every_seconds,omitempty"`
	Days        int       `json:"days"` // with any figures
	DaysInTime  *int      `json:"days_in_time,omitempty"`
	LastDone    time.Time `json:"last_done,omitzero"`
	lag         state.Lags
	promisedAll string
}

func (a *app) timeliness(ctx context.Context, from time.Time, asJSON bool) error {
	days, err := askTimeliness().ask(ctx, a, daySpan{from, from.AddDate(0, 1, 0)})
	if err != nil {
		return err
	}
	conf, _ := a.read(false)
	list := byInterface(days, conf, a.zones(), from)
	if asJSON {
		return a.printJSON(list)
	}
	rows := views(list, func(v timelinessView) []any {
		in := "-"
		if v.DaysInTime != nil {
			in = fmt.Sprintf("%d/%d", *v.DaysInTime, v.Days)
		}
		return []any{fmt.Sprintf("%s@%d", v.Interface, v.Version), v.Job, v.Runs, grouped(v.Records), grouped(v.Rejected), grouped(v.Late), lagText(v, v.lag.Average()),
			lagText(v, v.lag.Quantile(0.5)), lagText(v, v.lag.Quantile(0.95)), lagText(v, v.lag.Max), orDash(v.promisedAll), in}
	})
	a.printTable([]any{"NAME", "JOB", "RUNS", "RECORDS", "REJECTED", "LATE", "AVERAGE", "MEDIAN", "NEARLY ALL", "LONGEST", "PROMISED", "DAYS IN TIME"}, rows,
		"no figures of that month")
	return nil
}

func lagText(v timelinessView, d time.Duration) string {
	if v.Timed == 0 {
		return "-"
	}
	return shortly(d)
}

// byInterface sums up days, which come by interface, version and job.
func byInterface(days []state.Timeliness, conf *config.Config, zones zones, from time.Time) []timelinessView {
	sums := []timelinessView{}
	for n := 0; n < len(days); {
		sum := state.Timeliness{}
		v := timelinessView{Interface: days[n].Interface, Version: days[n].Version, Job: days[n].Job, Month: from.Format("2006-01")}
		v.promise(conf)
		for ; n < len(days) && days[n].Interface == v.Interface && days[n].Version == v.Version && days[n].Job == v.Job; n++ {
			sum.Add(days[n])
			v.Connection = days[n].Connection
			v.Days++
			if v.DaysInTime != nil && inTime(days[n], v.DoneBy, zones.of(v.Job)) {
				*v.DaysInTime++
			}
		}
		v.Runs, v.Records, v.Rejected, v.Late, v.Timed, v.LastDone = sum.Runs, sum.Records, sum.Rejected, sum.Late, sum.Lag.Count, sum.LastDone
		v.lag = sum.Lag
		v.Average, v.Half, v.Most, v.Max = sum.Lag.Average().Seconds(), sum.Lag.Quantile(0.5).Seconds(), sum.Lag.Quantile(0.95).Seconds(), sum.Lag.Max.Seconds()
		sums = append(sums, v)
	}
	return sums
}

// promise is what the catalogue promises now.
func (v *timelinessView) promise(conf *config.Config) {
	if conf == nil || conf.Interface(v.Interface) == nil {
		return
	}
	i := conf.Interface(v.Interface)
	v.Within, v.Every, v.DoneBy, v.promisedAll = int64(i.Within.Seconds()), int64(i.Every.Seconds()), i.DoneBy, i.Promises()
	if i.DoneBy != "" {
		v.DaysInTime = new(int)
	}
}

// inTime says whether a run was done on a day by the promised time.
func inTime(day state.Timeliness, doneBy string, zone *time.Location) bool {
	return !day.FirstDone.IsZero() && day.FirstDone.In(zone).Format("15:04") <= doneBy
}
