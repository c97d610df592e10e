package catalogue

import (
	"math/big"
	"regexp"
	"testing"
	"time"

	"milkrun/sync/feed"
)

var plain = regexp.MustCompile(`\A[+-]?[0-9]+(\.[0-9]+)?\z`)

// FuzzDecimal compares the reading and comparing of numbers with that of package big.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "007.10", "+1", "1e5", "", "-", ".", "1.", "99999999999999999999.99", "0x1", "1_000"} {
		f.Add(s, "0.01")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, okA := parseDecimal(a)
		y, okB := parseDecimal(b)
		if okA != plain.MatchString(a) || okB != plain.MatchString(b) {
			t.Fatalf("%q: %v, %q: %v", a, okA, b, okB)
		}
		if !okA || !okB {
			return
		}
		p, _ := new(big.Rat).SetString(a)
		q, _ := new(big.Rat).SetString(b)
		if want, got := p.Cmp(q), sign(x.compare(y)); got != want {
			t.Errorf("%q compared with %q: %d, want %d", a, b, got, want)
		}
		if x.integral() != p.IsInt() {
			t.Errorf("%q is integral: %v", a, x.integral())
		}
	})
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// FuzzRule gives a field of any type, bounds, and pattern any text: a good definition never panics, and what it says of a
// value is the same each time and holds no personal value.
func FuzzRule(f *testing.F) {
	f.Add("text", "", "", "[0-9]+", "12")
	f.Add("integer", "1", "5", "", "3")
	f.Add("decimal", "0.01", "", "", "0.1")
	f.Add("time", "", "", "", "2026-11-22 12:00:00")
	f.Fuzz(func(t *testing.T, typ, low, high, pattern, value string) {
		fl := NewField("f")
		for _, s := range fl.Fields() {
			given := map[string]any{"type": typ, "min": low, "max": high, "pattern": pattern}
			if v, ok := given[s.Name]; ok && v != "" && s.Set(v) != nil {
				return
			}
		}
		if len(fl.Validate()) > 0 {
			return
		}
		r := newRule(fl, NewVersion(1), time.UTC)
		for _, v := range []feed.Value{value, []byte(value), int64(len(value)), nil, true} {
			if first, again := r.check(v), r.check(v); first != again {
				t.Errorf("%v: %v, then %v", v, first, again)
			}
			if b := r.check(v); b != kept && r.reason(b, v) == "" {
				t.Errorf("%v: %v without a reason", v, b)
			}
		}
	})
}
