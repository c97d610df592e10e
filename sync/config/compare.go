package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// Change is what becomes of a job when one configuration takes the place of another. A job has one of each class at most.
type Change struct {
	Job  string `json:"job"` // or "[page]"
	What What   `json:"what"`
	// Detail says more: the old and the new schedule, or what is another.
	Detail string `json:"detail,omitempty"`
}

// What is a class of changes. None of them touches a run under way, a checkpoint, or what is recorded.
type What string

// The classes of changes.
const (
	Added       What = "added"       // its first slot is the next one
	Removed     What = "removed"     // its checkpoint is kept
	Enabled     What = "enabled"     // likewise: no slot is made up for
	Disabled    What = "disabled"    // its slots are not due
	Rescheduled What = "rescheduled" // due by the new schedule from now on
	Altered     What = "changed"     // the next run goes by it
	Restart     What = "restart"     // of [page]: taken up when the daemon is restarted
)

// Compare returns what becomes of each job, by name, and of [page]. What stays as it is, is left out.
func Compare(before, after *Config) []Change {
	var list []Change
	for _, job := range after.Jobs {
		if old := before.Job(job.Name); old == nil {
			list = append(list, Change{job.Name, Added, ""})
		} else if old.digest != job.digest {
			list = append(list, changed(old, job)...)
		}
	}
	for _, old := range before.Jobs {
		if after.Job(old.Name) == nil {
			list = append(list, Change{old.Name, Removed, ""})
		}
	}
	if !after.Page.Same(before.Page) {
		list = append(list, Change{"[page]", Restart, ""})
	}
	slices.SortStableFunc(list, func(a, b Change) int { return cmp.Compare(a.Job, b.Job) })
	return list
}

func changed(old, job *Job) (list []Change) {
	was, is := old.Plan(), job.Plan()
	switch {
	case job.Enabled && !old.Enabled:
		list = append(list, Change{job.Name, Enabled, ""})
	case old.Enabled && !job.Enabled:
		list = append(list, Change{job.Name, Disabled, ""})
	case was != is:
		list = append(list, Change{job.Name, Rescheduled, was + " → " + is})
	}
	if others := differences(old, job); len(others) > 0 {
		list = append(list, Change{job.Name, Altered, strings.Join(others, ", ")})
	}
	return list
}

// differences names what is another in a job.
func differences(old, job *Job) []string {
	var list []string
	for i, part := range parts(job) {
		if was := parts(old)[i]; was.value != part.value {
			list = append(list, part.name)
		}
	}
	return slices.Compact(list) // source and sink may be on one connection
}

// part is a piece of a job that a change is told by.
type part struct{ name, value string }

func parts(j *Job) []part {
	value := func(args ...any) string { return fmt.Sprintf("%+v", args) } // prints maps sorted
	return []part{
		{"source", j.Source.digest}, {"sink", j.Sink.digest},
		{"mask", value(j.Mask)}, {"retry", value(j.Retry)}, {"reconcile", value(j.Reconcile)}, {"retention", value(j.Retention)}, {"shrink_limit", value(j.ShrinkLimit)},
		{"page_size", value(j.PageSize)}, {"batch_size", value(j.BatchSize)}, {"concurrency", value(j.Concurrency)}, {"prefetch", value(j.Prefetch)},
		{"on_bad_record", value(j.OnBadRecord, j.MaxBad)}, {"timeout", value(j.Timeout)}, {"jitter", value(j.Jitter)},
		{"purpose", j.Purpose}, {"interface", j.Interface.Fingerprint()},
		{"catch_up", value(j.CatchUp, j.Grace)}, {"overlap", value(j.Overlap)},
		{"connection " + j.Source.Connection.Name, j.Source.Connection.digest}, {"connection " + j.Sink.Connection.Name, j.Sink.Connection.digest},
	}
}

// Route is from what to which connection a job moves records, as text.
func (j *Job) Route() string {
	return j.Source.Connection.Name + " " + j.Source.Interface + " → " + j.Sink.Connection.Name
}

// Plan is when a job is due, as text.
func (j *Job) Plan() string { return j.Schedule.String() + " " + j.Location.String() }

// fingerprint is the digest of a finished job.
func (j *Job) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, j.Enabled, j.Plan())
	for _, p := range parts(j) {
		fmt.Fprintln(h, p.name, p.value)
	}
	return sum(h)
}

// digestOf is the digest of a table as it is written.
func digestOf(t *table, more ...string) string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(t.plain()); err != nil {
		fmt.Fprint(h, t.plain()) // what JSON cannot write: nan, inf
	}
	for _, text := range more {
		_, _ = io.WriteString(h, text+"\x00")
	}
	return sum(h)
}

// digestsOf are those of connections.
func digestsOf(list []*Connection) []string {
	digests := make([]string, len(list))
	for i, c := range list {
		digests[i] = c.digest
	}
	return digests
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
