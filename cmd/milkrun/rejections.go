package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/catalogue"
	"milkrun/sync/config"
	"milkrun/sync/words"
)

func (a *app) rejectionsCommand() *cobra.Command {
	var run int64
	var asCSV, asJSON bool
	only := allLetters
	cmd := &cobra.Command{
		Use:   "rejections {JOB|--run ID}",
		Short: "List refused records with field, rule and reason, for the partner",
		Long: `List the records of a job, or of one run, that were refused: key, field, rule, reason in both languages, when, and by which version
of the interface. It is the rejection report that goes to the partner (agreement, clause 2.3), as --csv for a spreadsheet. Personal
values are masked. By --run it lists the records that the run was the last to refuse.`,
		Example: `  milkrun rejections orders --csv > rejected.csv
  milkrun rejections --run 812 --json
  milkrun rejections orders --only open`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	f := cmd.Flags()
	f.Int64Var(&run, "run", 0, "of this run")
	f.BoolVar(&asCSV, "csv", false, "write CSV for a spreadsheet, in both languages")
	f.BoolVar(&asJSON, "json", false, "print JSON for programs")
	f.Var(oneOf[string]{&only, []string{state.LetterOpen, state.LetterDelivered, state.LetterDropped, allLetters}}, "only", "open, delivered, dropped or all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (len(args) == 0) == (run == 0) {
			return usage("name a job, or a run with --run")
		}
		if asCSV && asJSON {
			return usage("choose one of --csv and --json")
		}
		list, err := a.rejections(cmd.Context(), first(args), run, only)
		switch {
		case err != nil:
			return err
		case asCSV:
			return a.csvRejections(list)
		case asJSON:
			return a.printJSON(list)
		}
		a.printRejections(list)
		return nil
	}
	return cmd
}

// rejectionView is a record that was refused. Field and Rule are empty when no rule of the catalogue was broken: Code then
// is that of the source or the target.
type rejectionView struct {
	Letter    int64     `json:"letter"`
	Job       string    `json:"job"`
	Run       int64     `json:"run"`
	Key       string    `json:"key"` // masked
	Field     string    `json:"field,omitempty"`
	Rule      string    `json:"rule,omitempty"`
	Code      string    `json:"code"`
	Reason    string    `json:"reason"`
	Zh        string    `json:"reason_zh"`
	At        time.Time `json:"at"` // last refused
	Interface string    `json:"interface,omitempty"`
	State     string    `json:"state"`
}

func (a *app) rejections(ctx context.Context, job string, run int64, only string) ([]rejectionView, error) {
	if run > 0 {
		recorded, err := askRun().ask(ctx, a, run)
		if err != nil {
			return nil, err
		}
		job = recorded.Run.Job
	}
	filter := state.LetterFilter{Job: job, State: only}
	if only == allLetters {
		filter.State = ""
	}
	letters, err := askLetters().ask(ctx, a, filter)
	if err != nil {
		return nil, err
	}
	if len(letters) == 0 && run == 0 {
		if _, err := askKnown().ask(ctx, a, job); err != nil {
			return nil, err
		}
	}
	conf, _ := a.read(false)
	key, zone := keyOf(conf, job), a.zones().of(job)
	list := []rejectionView{}
	for _, l := range letters {
		if run == 0 || l.RunID == run {
			list = append(list, viewRejection(l, key, zone))
		}
	}
	return list, nil
}

// keyOf is the fields that tell the records of a job apart, as the catalogue names them.
func keyOf(conf *config.Config, job string) []string {
	if conf == nil || conf.Job(job) == nil || conf.Job(job).Interface.Interface == nil {
		return nil
	}
	return conf.Job(job).Interface.Key
}

func viewRejection(l state.Letter, key []string, zone *time.Location) rejectionView {
	v := rejectionView{Letter: l.ID, Job: l.Job, Run: l.RunID, Key: keyIn(l, key), Code: l.Code, Reason: l.Reason, At: l.TriedAt.In(zone), State: l.State}
	if field, rule, ok := catalogue.ParseCode(l.Code); ok {
		v.Field, v.Rule = field, rule
		v.Interface, v.Reason = catalogue.SplitReason(l.Reason)
		if at := strings.LastIndex(v.Reason, " (record "); at >= 0 { // where it stood concerns us only
			v.Reason = v.Reason[:at]
		}
	}
	v.Zh = inChinese(v)
	return v
}

// inChinese is the reason in Chinese, but for what a partner says and names of columns. What a source or sink says of a column
// begins with its name, which is the code.
func inChinese(v rejectionView) string {
	if why, ours := strings.CutPrefix(v.Reason, v.Code+" "); ours {
		return v.Code + " " + words.Chinese.Text(why)
	}
	return words.Chinese.Text(v.Reason)
}

// keyIn is what tells a refused record apart: by the fields of the key, else by the letter's own, else by its place.
func keyIn(l state.Letter, key []string) string {
	record := map[string]any{}
	d := json.NewDecoder(strings.NewReader(l.Record))
	d.UseNumber()
	if err := d.Decode(&record); err == nil && len(key) > 0 {
		parts := views(key, func(field string) string {
			if record[field] == nil {
				return "-"
			}
			return fmt.Sprint(record[field])
		})
		return strings.Join(parts, " ")
	}
	if l.Key != "" {
		return l.Key
	}
	return string(l.Place)
}

func (a *app) printRejections(list []rejectionView) {
	a.printTable([]any{"KEY", "FIELD", "RULE", "REASON", "AT", "INTERFACE", "RUN", "STATE"}, views(list, func(v rejectionView) []any {
		return []any{orDash(v.Key), orDash(v.Field), v.ruleOrCode(), cut(v.Reason, 80), v.At.Format(time.DateTime), orDash(v.Interface), v.Run, v.State}
	}), "no record was refused")
}

func (v rejectionView) ruleOrCode() string {
	if v.Rule == "" {
		return v.Code
	}
	return v.Rule
}

// csvRejections writes the report for a spreadsheet: with the mark by which Excel knows UTF-8, and no cell that it would
// take for a formula.
func (a *app) csvRejections(list []rejectionView) error {
	if _, err := fmt.Fprint(a.stdout, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(a.stdout)
	w.UseCRLF = true
	rows := [][]string{{"key 记录标识", "field 字段", "rule 规则", "reason", "原因", "time 时间", "interface 接口版本", "run 运行", "state 状态"}}
	for _, v := range list {
		row := []string{v.Key, v.Field, v.ruleOrCode(), v.Reason, v.Zh, v.At.Format(time.RFC3339), v.Interface, fmt.Sprint(v.Run), v.State}
		rows = append(rows, views(row, noFormula))
	}
	return w.WriteAll(rows)
}

// noFormula is a cell that a spreadsheet takes for text.
func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
