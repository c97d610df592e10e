package sync

import (
	"context"

	"milkrun/sync/feed"
)

// maxRecent bounds the places a job remembers between its runs. A lookback over more records delivers the oldest of them
// again, which an idempotent sink does not mind.
const maxRecent = 200_000

// rewound is the memory of a source that is read again from a while before its checkpoint (lookback): which of the
// records there were delivered.
type rewound struct {
	source feed.Rewinder
	known  map[string]struct{} // places delivered by earlier runs
	ahead  int                 // how many of them this run has not come across yet
	recent []feed.Cursor       // delivered by this run and within reach of the next one's rewind, oldest first
}

// rewind returns the cursor a run begins at instead of its checkpoint.
func (r *run) rewind(source feed.Rewinder, checkpoint feed.Cursor) (feed.Cursor, error) {
	places, err := r.engine.Store.Recent(context.WithoutCancel(r.soft), r.job.Name)
	if err != nil {
		return "", err
	}
	r.rewound = &rewound{source: source, known: places, ahead: len(places)}
	if checkpoint == "" {
		return "", nil
	}
	return source.Rewind(checkpoint), nil
}

// passes says whether a cursor lies behind the checkpoint. While the records before the checkpoint are read again, it
// stays where it is: moving back with each run that fails there would deliver ever older records again.
func (w *rewound) passes(checkpoint, cursor feed.Cursor) bool {
	return w == nil || checkpoint == "" || w.source.Rewound(w.source.Rewind(cursor), checkpoint)
}

// fresh takes out of a page the rows that an earlier run delivered.
func (r *run) fresh(p page) page {
	if r.once() {
		return r.unsent(p)
	}
	if r.rewound == nil || r.rewound.ahead == 0 {
		return p
	}
	kept := feed.Batch{Columns: p.Rows.Columns}
	for i := range p.Rows.Len() {
		if _, known := r.rewound.known[string(r.rewound.source.Locate(p.Rows, i))]; known {
			r.rewound.ahead--
			p.skipped++
			continue
		}
		kept.Values = append(kept.Values, p.Rows.Row(i)...)
	}
	p.Rows = kept
	return p
}

// places are where the records of a batch stand, rejected ones too: their dead letter accounts for them.
func (r *run) places(b *batch, _ []feed.Rejection) []feed.Cursor {
	source, ok := r.source.(feed.Rewinder)
	if !ok {
		return nil
	}
	list := make([]feed.Cursor, b.raw.Len())
	for i := range list {
		list[i] = source.Locate(b.raw, i)
	}
	return list
}

// add remembers delivered records and forgets those out of reach of a rewind from the checkpoint.
func (w *rewound) add(places []feed.Cursor, checkpoint feed.Cursor) {
	w.recent = append(w.recent, places...)
	out := max(len(w.recent)-maxRecent, 0)
	for out < len(w.recent) && !w.reaches(w.recent[out], checkpoint) {
		out++
	}
	w.recent = w.recent[out:]
}

// reaches says whether a run from the checkpoint on reads the record at place again. One from the beginning reads all.
func (w *rewound) reaches(place, checkpoint feed.Cursor) bool {
	return checkpoint == "" || w.source.Rewound(place, checkpoint)
}

func texts(places []feed.Cursor) []string {
	list := make([]string, len(places))
	for i, place := range places {
		list[i] = string(place)
	}
	return list
}

// keepRecent saves the memory for the next run. When a crash comes before it, that run delivers the records within the
// lookback again.
func (r *run) keepRecent() error {
	if r.rewound == nil {
		return nil
	}
	places := make([]string, 0, len(r.rewound.recent))
	for known := range r.rewound.known {
		if r.rewound.reaches(feed.Cursor(known), r.checkpoint.Cursor) {
			places = append(places, known)
		}
	}
	places = append(places, texts(r.rewound.recent)...)
	return r.engine.Store.ReplaceRecent(context.WithoutCancel(r.soft), r.job.Name, places)
}
