package feed

import (
	"errors"
	"fmt"
	"time"
)

// Verdict is what the engine does about an error.
type Verdict int

// The verdicts, mildest first. Retry is the zero value: an error nobody has classified is tried again.
const (
	// Retry: try the same call again after a backoff, within the job's retry budget.
	Retry Verdict = iota
	// Refuse: the partner refused the batch as a whole without saying which record is to blame. It is tried again a
	// few times, then halved down to the record, which is rejected.
	Refuse
	// Fail: this run is over; the next slot may try again.
	Fail
	// HaltJob: no further run of this job until an operator resumes it.
	HaltJob
	// HaltConnection: no further call by any job on this connection until an operator resumes it.
	HaltConnection
)

var verdictNames = [...]string{"retry", "refuse", "fail", "halt job", "halt connection"}

// String returns the verdict's name in lower case.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return verdictNames[v]
}

// Error is a failure with a verdict. Its text names what was being done and what to do next; it holds no secret and no
// personal data.
type Error struct {
	Verdict Verdict
	// Code is the partner's own code ("302", "result 0") or the HTTP status ("HTTP 503"); short and stable.
	Code string
	// RetryAfter is how long the partner asks to wait, 0 when it does not.
	RetryAfter time.Duration
	// Unsent says that the request never left, so that nothing can have happened at the partner.
	Unsent bool
	// Until says that nothing is wrong: there is a rule to keep, and the run ends here. A run that begins at that time or
	// later goes on.
	Until time.Time
	// Remedy tells an operator what to do when it does not pass by itself.
	Remedy string
	Err    error
}

// Errorf returns an error with a verdict; format may wrap with %w.
func Errorf(v Verdict, code, format string, args ...any) *Error {
	return &Error{Verdict: v, Code: code, Err: fmt.Errorf(format, args...)}
}

// WithRemedy adds what an operator should do.
func (e *Error) WithRemedy(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// Error returns the text without the remedy, which is shown apart.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Judge returns the verdict on any error: that of the outermost [Error] in its chain, else [Retry].
func Judge(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Verdict: e.Verdict, Code: e.Code, RetryAfter: e.RetryAfter, Unsent: e.Unsent, Until: e.Until, Remedy: e.Remedy, Err: err}
	}
	return &Error{Verdict: Retry, Err: err}
}

// ShrinkError says that a swap would delete more than it may.
type ShrinkError struct {
	Old, New, Deleted, Allowed int64
}

// Error gives the figures.
func (e *ShrinkError) Error() string {
	return fmt.Sprintf("the new generation of %d records would delete %d of the %d that are there; at most %d may go at once",
		e.New, e.Deleted, e.Old, e.Allowed)
}

// CountError says that a generation does not hold the number of different keys that the partner states.
type CountError struct {
	Distinct, Expected int64
}

// Error gives the figures.
func (e *CountError) Error() string {
	return fmt.Sprintf("%d different records were read, the partner states %d", e.Distinct, e.Expected)
}
