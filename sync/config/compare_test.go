package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/config"
)

func TestCompare(t *testing.T) {
	before := parse(t, good, options())
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"nothing":             {"", "", nil},
		"a comment":           {"[jobs.copy]", "# a copy\n[jobs.copy]", nil},
		"a default in words":  {"prefetch    = 0", "prefetch    = 0\nenabled = true", nil},
		"schedule":            {`"30 1 * * *"`, `"30 2 * * *"`, []string{"pull rescheduled 30 1 * * * Europe/Berlin → 30 2 * * * Europe/Berlin"}},
		"timezone":            {`"Europe/Berlin"`, `"UTC"`, []string{"pull rescheduled 30 1 * * * Europe/Berlin → 30 1 * * * UTC"}},
		"schedule and a key":  {"schedule    = \"30 1 * * *\"\ntimezone    = \"Europe/Berlin\"\njitter      = \"5m\"", "schedule = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\njitter = \"6m\"", []string{"pull rescheduled 30 1 * * * Europe/Berlin → 30 2 * * * Europe/Berlin", "pull changed jitter"}},
		"the page":            {"[defaults]", "[page]\nlisten = \"off\"\n[defaults]", []string{"[page] restart "}},
		"enabled":             {"enabled = false", "enabled = true", []string{"copy enabled "}},
		"disabled":            {"[jobs.pull]", "[jobs.pull]\nenabled = false", []string{"pull disabled "}},
		"renamed":             {"[jobs.copy]", "[jobs.transfer]", []string{"copy removed ", "transfer added "}},
		"a key":               {"concurrency = 16", "concurrency = 8", []string{"pull changed concurrency"}},
		"several keys":        {`initial = "2s"`, `initial = "3s"`, []string{"pull changed retry"}},
		"a default":           {`mask      = { phone = "phone" }`, ``, []string{"copy changed mask", "pull changed mask"}},
		"the source":          {`source.resource   = "grades"`, `source.resource   = "trades"`, []string{"pull changed source"}},
		"a connection of two": {`dsn  = "out.db"`, `dsn  = "other.db"`, []string{"copy changed connection out", "pull changed connection out"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.from, c.to, 1)
			if c.from != "" && text == good {
				t.Fatalf("%q does not stand there", c.from)
			}
			var got []string
			for _, change := range config.Compare(before, parse(t, text, options())) {
				got = append(got, fmt.Sprintf("%s %s %s", change.Job, change.What, change.Detail))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestConnectionsGoOn keeps what jobs on a connection share, unless a key or a secret of it is another.
func TestConnectionsGoOn(t *testing.T) {
	before := parse(t, good, options())
	for name, c := range map[string]struct {
		text   string
		secret string
		in     bool
	}{
		"the same":       {good, "", true},
		"another job":    {strings.Replace(good, `"30 1 * * *"`, `"30 2 * * *"`, 1), "", true},
		"another key":    {strings.Replace(good, "retries  = 5", "retries  = 4", 1), "", false},
		"another secret": {good, "rotated", false},
	} {
		t.Run(name, func(t *testing.T) {
			opt := options()
			opt.Before = before
			if c.secret != "" {
				opt.LookupEnv = func(string) (string, bool) { return c.secret, true }
			}
			after := parse(t, c.text, opt)
			if same := after.Connections["in"].Settings == before.Connections["in"].Settings; same != c.in {
				t.Errorf("the connection is the same one: %v", same)
			}
			if after.Connections["out"].Settings != before.Connections["out"].Settings {
				t.Error("another connection was made anew")
			}
			if changes := config.Compare(before, after); c.secret != "" && (len(changes) != 1 || strings.Contains(fmt.Sprint(changes), c.secret)) {
				t.Errorf("changes: %+v", changes)
			}
		})
	}
}
