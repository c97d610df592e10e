package alert

import (
	"testing"
	"time"

	"milkrun/sync/setting"
)

func set(t *testing.T, fields []setting.Field, name string, value any) error {
	t.Helper()
	for _, f := range fields {
		if f.Name == name {
			return f.Set(value)
		}
	}
	t.Fatalf("there is no key %s", name)
	return nil
}

func TestSettings(t *testing.T) {
	s := NewSettings()
	if s.Lang != "en" || s.CoolDown != time.Hour {
		t.Errorf("defaults %+v", s)
	}
	for name, value := range map[string]any{"lang": "zh", "cool_down": "30m"} {
		if err := set(t, s.Fields(), name, value); err != nil {
			t.Error(err)
		}
	}
	if s.Lang != "zh" || s.CoolDown != 30*time.Minute || s.Validate() != nil {
		t.Errorf("%+v", s)
	}
	if err := set(t, s.Fields(), "lang", "de"); err == nil {
		t.Error("German is taken")
	}
}

func TestWatch(t *testing.T) {
	var w Watch
	for name, value := range map[string]any{"done_by": "07:05", "stale_after": "26h"} {
		if err := set(t, w.Fields(), name, value); err != nil {
			t.Error(err)
		}
	}
	if w.DoneBy.String() != "07:05" || w.StaleAfter != 26*time.Hour {
		t.Errorf("%+v", w)
	}
	if p := w.Validate(parse(t, "30 1 * * *")); p != nil {
		t.Error(p)
	}
	if p := w.Validate(parse(t, "manual")); len(p) != 1 || p[0].Key != "done_by" {
		t.Errorf("a job without slots promises to be done: %v", p)
	}
	if (TimeOfDay{}).String() != "" {
		t.Error("no time is shown as one")
	}
}

func FuzzParseTimeOfDay(f *testing.F) {
	for _, text := range []string{"07:00", "00:00", "23:59", "24:00", "7:00", "07:00:00", "", "0７:00", "+7:00", "07:60", " 07:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseTimeOfDay(text)
		if err == nil && d.String() != text {
			t.Errorf("%q is read as %s", text, d)
		}
	})
}

func TestParseTimeOfDayRefuses(t *testing.T) {
	for _, text := range []string{"24:00", "7:00", "07:00:00", "", "07:60", " 7:00", "7 am", "-1:00"} {
		if d, err := ParseTimeOfDay(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}
