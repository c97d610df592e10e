package sqldb

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"milkrun/sync/feed"
)

// fault is what a database's error code means.
type fault struct {
	verdict feed.Verdict
	code    string
	remedy  string
	text    string // replaces the message, which repeats values
}

// ValueError says that a value cannot be read or stored. Its text names the column and holds no value.
type ValueError struct {
	Column, Reason string
}

// Error names the column.
func (e *ValueError) Error() string { return "column " + e.Column + ": " + e.Reason }

// Fault returns err with what was being done and the verdict on it. An error that has a verdict already keeps it; nil
// stays nil.
func (db *DB) Fault(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf(format, args...)
	var judged *feed.Error
	var shrink *feed.ShrinkError
	if errors.As(err, &judged) || errors.As(err, &shrink) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	f, ok := db.judge(err)
	if !ok {
		return feed.Errorf(feed.Retry, "", "%s: %w", doing, err)
	}
	if f.text != "" {
		return feed.Errorf(f.verdict, f.code, "%s: %s", doing, f.text).WithRemedy("%s", f.remedy)
	}
	return feed.Errorf(f.verdict, f.code, "%s: %w", doing, err).WithRemedy("%s", f.remedy)
}

// subject returns the name of the column or key a MySQL message ends or begins with. Everything else in the message may
// be the value.
func subject(message string) string {
	for _, re := range []string{
		"(?:key|column) ((?:['`][A-Za-z0-9_.]+['`][.]?)+)(?: at row [0-9]+)?$",
		"^(?:Column|Field) ('[A-Za-z0-9_]+') ",
	} {
		if m := regexp.MustCompile(re).FindStringSubmatch(message); m != nil {
			return " for " + m[1]
		}
	}
	return ""
}
