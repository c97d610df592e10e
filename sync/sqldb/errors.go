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

// What an operator does about an error, where several databases have it.
const (
	remedyAway    = "see whether the database server runs and can be reached from here; it is tried again meanwhile"
	remedyLogin   = "check the user, the password and the database in dsn"
	remedyPrimary = "this server is read-only; dsn should name the primary"
	remedyFull    = "make room on the disk of the database server; the next run goes on where this one stopped"
	remedyGrant   = "grant the user of dsn what is missing: a source reads; a sink reads, inserts, updates, deletes, and creates and drops tables beside its own"
	remedyNames   = "compare the table, query and columns named in jobs.toml with the database"
	remedyRecord  = "correct the record at its source, or alter the column or constraint that refuses it"
	remedyCrowd   = "lower max_open of the connection, or let the server take more connections"

	refusesValue = "the database refuses a value"
	triggerText  = "a trigger of the table refuses the record" // whose text may hold anything
)

// Fault returns err with what was being done, the verdict on it and the remedy. An error that has a verdict already
// keeps it; nil stays nil.
func (db *DB) Fault(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf(format, args...)
	if settled(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	f, known := db.judge(err)
	if !known && !db.file {
		f.remedy = remedyAway // no answer of the server
	}
	if f.text != "" {
		err = errors.New(f.text)
	}
	return feed.Errorf(f.verdict, f.code, "%s: %w", doing, err).WithRemedy("%s", f.remedy)
}

// settled says that an error is none of the database, or was judged before.
func settled(err error) bool {
	var judged *feed.Error
	var shrink *feed.ShrinkError
	var count *feed.CountError
	return errors.As(err, &judged) || errors.As(err, &shrink) || errors.As(err, &count) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
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
