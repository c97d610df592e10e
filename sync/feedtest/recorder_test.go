package feedtest

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// recorder is a testing.TB that keeps what a check reports instead of failing the test.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// failing runs checks and returns the names of those that fail.
func failing[C any](t *testing.T, checks []check[C], c func() *C) []string {
	var names []string
	for _, k := range checks {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.run(r, c())
		}()
		<-done
		if len(r.said) > 0 {
			t.Logf("%s: %s", k.name, r.said[0])
			names = append(names, k.name)
		}
	}
	return names
}

// breakage is one thing done wrong, and the check that must see it.
type breakage struct{ what, check string }

func testBroken[C any](t *testing.T, list []breakage, checks []check[C], c func(broken string) *C) {
	covered := map[string]bool{}
	for _, b := range list {
		covered[b.check] = true
		t.Run(b.what, func(t *testing.T) {
			if got := failing(t, checks, func() *C { return c(b.what) }); !slices.Contains(got, b.check) {
				t.Errorf("%q is not seen by the check %q; failing are %q", b.what, b.check, got)
			}
		})
	}
	for _, k := range checks {
		if !covered[k.name] {
			t.Errorf("nothing shows that the check %q can fail", k.name)
		}
	}
}
