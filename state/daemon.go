package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Daemon is the daemon that runs on the file, or ran last.
type Daemon struct {
	PID       int
	Version   string
	StartedAt time.Time // given by the store
	SeenAt    time.Time // when it last turned and could write here
	Config    string    // the configuration's path
	Digest    string    // SHA-256 of its text, in hex
	LoadedAt  time.Time // when it was taken up
	RefusedAt time.Time // when a newer text was refused; zero when none was since
	Refusal   string    // why
	Unopened  []Unopened
}

// Unopened is an address that the daemon should open and cannot.
type Unopened struct {
	What   string `json:"what"` // is not to be had, and why
	Remedy string `json:"remedy"`
}

func scanDaemon(row scanner) (d Daemon, err error) {
	var unopened []byte
	err = row.Scan(&d.PID, &d.Version, when(&d.StartedAt), when(&d.SeenAt), &d.Config, &d.Digest, when(&d.LoadedAt),
		when(&d.RefusedAt), &d.Refusal, &unopened)
	if err == nil {
		err = json.Unmarshal(unopened, &d.Unopened)
	}
	return d, err
}

// Daemon returns it, and whether there was one.
func (s *Store) Daemon(ctx context.Context) (Daemon, bool, error) {
	d, found, err := one(ctx, s.r, scanDaemon,
		"SELECT pid, version, started_at, seen_at, config, digest, loaded_at, refused_at, refusal, unopened FROM daemon")
	return d, found, explain(s.path, "reading which daemon runs", err)
}

// Enlist notes the daemon that begins now, with the configuration it has taken up.
func (s *Store) Enlist(ctx context.Context, d Daemon) error {
	return s.write(ctx, "noting the daemon", func(t *tx) error {
		return t.exec(`INSERT OR REPLACE INTO daemon (one, pid, version, started_at, seen_at, config, digest, loaded_at)
			VALUES (1, ?, ?, ?, ?, ?, ?, ?)`, d.PID, d.Version, stamp(t.now), stamp(t.now), d.Config, d.Digest, stamp(t.now))
	})
}

// Loaded notes that the daemon has taken up another configuration.
func (s *Store) Loaded(ctx context.Context, digest string) error {
	return s.amendDaemon(ctx, "noting the configuration", "digest = ?, loaded_at = ?, refused_at = NULL, refusal = ''", digest, now{})
}

// Refused notes that the daemon stays with its configuration, and why it refused a newer one.
func (s *Store) Refused(ctx context.Context, why string) error {
	return s.amendDaemon(ctx, "noting a refused configuration", "refused_at = ?, refusal = ?", now{}, why)
}

// NoteUnopened notes all addresses that the daemon should open and cannot.
func (s *Store) NoteUnopened(ctx context.Context, list []Unopened) error {
	text, err := json.Marshal(append([]Unopened{}, list...)) // a list, also when it is empty
	if err != nil {
		return err
	}
	return s.amendDaemon(ctx, "noting what the daemon cannot open", "unopened = ?", string(text))
}

// Beat notes that the daemon turns. It is durable when it returns, so it also shows that the file can be written.
func (s *Store) Beat(ctx context.Context) error {
	return s.amendDaemon(ctx, "noting that the daemon turns", "seen_at = ?", now{})
}

// now stands for the time of a transaction.
type now struct{}

func (s *Store) amendDaemon(ctx context.Context, doing, set string, args ...any) error {
	return s.write(ctx, doing, func(t *tx) error {
		for i, a := range args {
			if a == (now{}) {
				args[i] = stamp(t.now)
			}
		}
		return t.exec(fmt.Sprintf("UPDATE daemon SET %s WHERE one = 1", set), args...)
	})
}
