package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"
)

const (
	dashboardFile = "../../packaging/grafana/milkrun.json"
	rulesFile     = "../../packaging/prometheus/milkrun.rules.yml"
)

type dashboard struct {
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		Targets                  []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

type ruleGroups struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr         string
			Labels, Annotations map[string]string
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readRules(t *testing.T) (r ruleGroups) {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err == nil {
		err = yaml.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d dashboard) exprs() (list []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// exposed are the names of the series of a scrape.
func exposed(t *testing.T) map[string]bool {
	t.Helper()
	families, err := busy(busyOptions()).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
		if f.GetMetric()[0].GetHistogram() != nil {
			delete(names, f.GetName())
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[f.GetName()+suffix] = true
			}
		}
	}
	return names
}

var metricName = regexp.MustCompile(`\b(milkrun|process|go)_[a-z_]+\b`)

// TestPackagedQueries makes sure that dashboard and rules ask for metrics that exist.
func TestPackagedQueries(t *testing.T) {
	names := exposed(t)
	d := readDashboard(t)
	list := d.exprs()
	for _, v := range d.Templating.List {
		list = append(list, v.Definition)
	}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			list = append(list, r.Expr)
		}
	}
	asked := 0
	for _, expr := range list {
		for _, name := range metricName.FindAllString(expr, -1) {
			asked++
			if !names[name] {
				t.Errorf("there is no metric %s, which this asks for: %s", name, expr)
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d metrics are asked for", asked)
	}
}

func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q: its id %d is another's", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		if p.Description == "" || !chinese(p.Description) {
			t.Errorf("panel %q: its description is not in English and Chinese: %s", p.Title, p.Description)
		}
	}
}

func chinese(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || seen[r.Alert] {
				t.Errorf("an alert without a name of its own: %q", r.Alert)
			}
			seen[r.Alert] = true
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			for _, a := range []string{"summary", "description", "runbook"} {
				if r.Annotations[a] == "" || !chinese(r.Annotations[a+"_zh"]) {
					t.Errorf("%s: annotation %s is not there in English and Chinese", r.Alert, a)
				}
			}
		}
	}
	for _, name := range []string{"Down", "JobFailed", "JobHalted", "ConnectionHalted", "SlotLate", "JobStale", "DeadLettersGrowing", "RetryStorm", "ReloadFailed"} {
		if !seen["Milkrun"+name] {
			t.Errorf("there is no alert Milkrun%s", name)
		}
	}
}

// TestPromtool has Prometheus' own tool, where there is one, check the rules, try them on a quiet day and a bad one, and
// parse the queries of the dashboard.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: the rules are not tried")
	}
	for _, args := range [][]string{
		{"check", "rules", rulesFile},
		{"test", "rules", "testdata/rules_test.yml"},
		{"check", "rules", asRules(t, readDashboard(t).exprs())},
	} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// asRules writes queries of a dashboard as a file of rules, and returns its path.
func asRules(t *testing.T, exprs []string) string {
	t.Helper()
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for i, expr := range exprs {
		rules = append(rules, rule{fmt.Sprintf("query:%d", i), strings.ReplaceAll(expr, "$__rate_interval", "5m")})
	}
	text, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	path := filepath.Join(t.TempDir(), "rules.yml")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
