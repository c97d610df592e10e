package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"milkrun/sync/feed"
)

// Document is all checkpoints in a form that can be kept outside, and moved to another state file.
type Document struct {
	Format      string             `json:"format"` // [DocumentFormat]
	At          time.Time          `json:"at"`
	Checkpoints []ExportCheckpoint `json:"checkpoints"`
}

// DocumentFormat names the layout of a [Document].
const DocumentFormat = "milkrun checkpoints 1"

// ExportCheckpoint is a checkpoint in a [Document].
type ExportCheckpoint struct {
	Job       string      `json:"job"`
	Lane      Lane        `json:"lane"`
	Cursor    feed.Cursor `json:"cursor"`
	Rows      int64       `json:"rows"`
	Detail    string      `json:"detail,omitempty"`
	StartedAt time.Time   `json:"started_at"`
	UpdatedAt time.Time   `json:"updated_at,omitzero"` // for the reader; not imported
	LastFull  time.Time   `json:"last_full,omitzero"`  // when the last complete pass of the job ended
}

// Export returns all checkpoints.
func (s *Store) Export(ctx context.Context) (Document, error) {
	list, err := all(ctx, s.r, func(row scanner) (c ExportCheckpoint, err error) {
		err = row.Scan(&c.Job, &c.Lane, &c.Cursor, &c.Rows, &c.Detail, when(&c.StartedAt), when(&c.UpdatedAt), when(&c.LastFull))
		return c, err
	}, `SELECT c.job, c.lane, c.cursor, c.rows, c.detail, c.started_at, c.updated_at, j.last_full
		FROM checkpoint c LEFT JOIN job j ON j.name = c.job ORDER BY c.job, c.lane`)
	return Document{DocumentFormat, s.moment(), list}, explain(s.path, "exporting the checkpoints", err)
}

// Import sets the checkpoints of a document, all or none, as an operator's change that can be undone; checkpoints that
// are not in it stay. It is ErrRunning when one of its jobs is running.
func (s *Store) Import(ctx context.Context, d Document, who, why string) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("importing checkpoints: %w", err)
	}
	return s.write(ctx, "importing checkpoints", func(t *tx) error {
		for _, c := range d.Checkpoints {
			if err := t.importOne(c, who, why); err != nil {
				return fmt.Errorf("job %s, lane %s: %w", c.Job, c.Lane, err)
			}
		}
		return nil
	})
}

func (t *tx) importOne(c ExportCheckpoint, who, why string) error {
	target := &Checkpoint{Cursor: c.Cursor, Rows: c.Rows, Detail: c.Detail, StartedAt: c.StartedAt}
	if err := t.operate(c.Job, c.Lane, opImport, who, why, target); err != nil || c.LastFull.IsZero() {
		return err
	}
	return t.lastFull(c.Job, c.LastFull)
}

// ParseDocument reads a document from JSON. What it does not know it refuses, so that a typing error is found.
func ParseDocument(text []byte) (Document, error) {
	var d Document
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Document{}, fmt.Errorf("checkpoint document: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("checkpoint document: something follows it at byte %d", dec.InputOffset())
	}
	if err := d.check(); err != nil {
		return Document{}, fmt.Errorf("checkpoint document: %w", err)
	}
	return d, nil
}

func (d Document) check() error {
	if d.Format != DocumentFormat {
		return fmt.Errorf("format is %q; this program reads %q, which `milkrun checkpoint export` writes", d.Format, DocumentFormat)
	}
	type place struct {
		job  string
		lane Lane
	}
	seen := map[place]bool{}
	for i, c := range d.Checkpoints {
		at := place{c.Job, c.Lane}
		switch {
		case c.Job == "":
			return fmt.Errorf("checkpoints[%d]: it names no job", i)
		case c.Lane != Forward && c.Lane != Full:
			return fmt.Errorf("checkpoints[%d]: lane is %q, not %q or %q", i, c.Lane, Forward, Full)
		case c.Rows < 0:
			return fmt.Errorf("checkpoints[%d]: rows is %d", i, c.Rows)
		case seen[at]:
			return fmt.Errorf("checkpoints[%d]: job %s has two in lane %s", i, c.Job, c.Lane)
		}
		seen[at] = true
	}
	return nil
}
