package alert

import (
	"context"
	"time"
)

// Incident is a time in which an exchange did not work: from the first trouble of a job until nothing is wrong with it any
// more (clause 甲义务2).
type Incident struct {
	ID        int64
	Partner   string // the name of its block, "" for a job without a partner
	Job       string
	Interface string // as the partner knows it; the job's name where there is none
	Kind      Kind   // the worst that happened: Halted, Failed, Late or Stale
	Code      string // of the error, the partner's own where it gave one
	Since     time.Time
	EndedAt   time.Time // zero while it lasts
	Impact    int64     // the most records that waited, -1 when nobody can tell
	// When the partner's contacts were told that it began, when the next level was, and when that it is over.
	NotifiedAt, EscalatedAt, ClearedAt time.Time
}

// Incidents keeps them; the state file does.
type Incidents interface {
	// OpenIncidents returns those that are not over.
	OpenIncidents(ctx context.Context) ([]Incident, error)
	// SaveIncident adds one without an ID, else brings the one of that ID up to date; it returns the ID.
	SaveIncident(ctx context.Context, i Incident) (int64, error)
}
