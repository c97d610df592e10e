package setting

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "0": 0, "90s": 90 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond,
		"0d": 0, "7d": 7 * day, "36500d": 36500 * day,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "d", "-1d", "1.5d", "36501d", "-5m", "5 m", "m5", "1d12h", "9999999999999h", "ten days"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		day: "1d", 36 * time.Hour: "36h", 10 * time.Second: "10s", time.Hour + 20*time.Second: "1h0m20s", 10 * time.Minute: "10m",
		10 * time.Hour: "10h", 100 * time.Minute: "1h40m",
	} {
		got := FormatDuration(d)
		if back, err := ParseDuration(got); got != want || err != nil || back != d {
			t.Errorf("%v is written %q and read %v, %v", d, got, back, err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("7d")
	f.Add("1h2m3.5s")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if back, err := ParseDuration(FormatDuration(d)); err != nil || back != d || d < 0 {
			t.Errorf("%q is %v, written %q, read %v, %v", text, d, FormatDuration(d), back, err)
		}
	})
}
