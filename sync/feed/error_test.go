package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	inner := Errorf(Refuse, "300", "storing the batch: %w", io.ErrUnexpectedEOF).WithRemedy("look at record %d", 7)
	inner.RetryAfter = time.Minute
	wrapped := fmt.Errorf("batch 3: %w", inner)
	for _, c := range []struct {
		name string
		err  error
		want Error
	}{
		{"unknown", io.EOF, Error{Verdict: Retry, Err: io.EOF}},
		{"cancelled", context.Canceled, Error{Verdict: Retry, Err: context.Canceled}},
		{"plain", inner, Error{Verdict: Refuse, Code: "300", RetryAfter: time.Minute, Remedy: "look at record 7", Err: inner}},
		{"wrapped", wrapped, Error{Verdict: Refuse, Code: "300", RetryAfter: time.Minute, Remedy: "look at record 7", Err: wrapped}},
		{"the outermost counts", Errorf(HaltJob, "", "giving up: %w", wrapped), Error{Verdict: HaltJob}},
		{"joined", errors.Join(io.EOF, Errorf(Fail, "x", "y")), Error{Verdict: Fail, Code: "x"}},
	} {
		if c.want.Err == nil {
			c.want.Err = c.err
		}
		if got := Judge(c.err); *got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, *got, c.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	err := Errorf(HaltConnection, "302", "signing in as %s: %w", "x", io.EOF).WithRemedy("ask for new keys")
	if err.Error() != "signing in as x: EOF" || !errors.Is(err, io.EOF) || err.Remedy != "ask for new keys" {
		t.Errorf("%q, remedy %q", err, err.Remedy)
	}
}

func TestVerdicts(t *testing.T) {
	for v, want := range map[Verdict]string{
		Retry: "retry", Refuse: "refuse", Fail: "fail", HaltJob: "halt job", HaltConnection: "halt connection", -1: "verdict(-1)", 5: "verdict(5)",
	} {
		if got := v.String(); got != want {
			t.Errorf("%d is %q, want %q", int(v), got, want)
		}
	}
	if !(Retry < Refuse && Refuse < Fail && Fail < HaltJob && HaltJob < HaltConnection) {
		t.Error("the verdicts are not in order")
	}
}

func TestSwapErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&ShrinkError{Old: 100, New: 40, Deleted: 60, Allowed: 10},
			"the new generation of 40 records would delete 60 of the 100 that are there; at most 10 may go at once"},
		{&CountError{Distinct: 99, Expected: 100}, "99 different records were read, the partner states 100"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("%q, want %q", c.err, c.want)
		}
	}
}
