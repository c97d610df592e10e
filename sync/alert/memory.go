package alert

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory keeps the ledger of what was said. It must survive a restart; the state file does. A [Desk] is its only user
// and calls it from one goroutine.
type Memory interface {
	// Alerts returns all entries.
	Alerts(ctx context.Context) ([]Entry, error)
	// SaveAlert adds an entry, or replaces the one of its subject.
	SaveAlert(ctx context.Context, e Entry) error
	// ForgetAlert removes the entry of a subject; there may be none.
	ForgetAlert(ctx context.Context, s Subject) error
}

// Entry is what has been said about one subject.
type Entry struct {
	Subject
	Open       bool      // it is still wrong, or its end has not been said yet
	Since      time.Time // when the trouble began
	Occurrence string    // the newest
	Count      int       // occurrences since it began
	Announced  string    // the occurrence that was said last; empty: nothing was said since it began
	SentAt     time.Time // when something was said last, also before it began anew; zero: never
}

// Volatile is a [Memory] that ends with the process. The zero Volatile is empty. It is safe for concurrent use.
type Volatile struct {
	mu      sync.Mutex
	entries map[Subject]Entry
}

var _ Memory = (*Volatile)(nil)

// Alerts returns all entries.
func (v *Volatile) Alerts(context.Context) ([]Entry, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.entries)), nil
}

// SaveAlert keeps an entry.
func (v *Volatile) SaveAlert(_ context.Context, e Entry) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.entries == nil {
		v.entries = map[Subject]Entry{}
	}
	v.entries[e.Subject] = e
	return nil
}

// ForgetAlert removes an entry.
func (v *Volatile) ForgetAlert(_ context.Context, s Subject) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.entries, s)
	return nil
}
