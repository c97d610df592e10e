package sync

import (
	"context"
	"slices"
	"strings"

	"milkrun/sync/feed"
)

// maxRecent bounds the places a job remembers between its runs. A lookback over more records delivers the oldest of them
// again, which an idempotent sink does not mind.
const maxRecent = 200_000

// rewound is the memory of a source that is read again from a while before its checkpoint (lookback): which of the
// records there were delivered.
type rewound struct {
	source feed.Rewinder
	begun  feed.Cursor         // the checkpoint
	known  map[string]struct{} // delivered by earlier runs; see mark
	ahead  int                 // how many of them this run has not come across yet
	recent []string            // delivered by this run and within reach of the next one's rewind, oldest first
}

// mark is by what a delivered record is known again: where it stands and what is in it. The place alone would not do: a record that
// is changed twice in one tick of its clock keeps its place.
func (w *rewound) mark(b feed.Batch, i int) string {
	return string(w.source.Locate(b, i)) + "\t" + fingerprint(b.Slice(i, i+1))[:16]
}

// markedPlace is where the record of a mark stands.
func markedPlace(mark string) feed.Cursor {
	if at := strings.LastIndexByte(mark, '\t'); at >= 0 {
		return feed.Cursor(mark[:at])
	}
	return feed.Cursor(mark) // one of a sink where sending twice is harm: what stands at a place is sent once
}

// rewind returns the cursor a run begins at instead of its checkpoint.
func (r *run) rewind(source feed.Rewinder, checkpoint feed.Cursor) (feed.Cursor, error) {
	places, err := r.engine.Store.Recent(context.WithoutCancel(r.soft), r.job.Name)
	if err != nil {
		return "", err
	}
	r.rewound = &rewound{source: source, begun: checkpoint, known: places, ahead: len(places)}
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
	p.more = r.rewound.before(p)
	if r.once() {
		return r.unsent(p)
	}
	if r.rewound == nil || r.rewound.ahead == 0 {
		return p
	}
	kept := feed.Batch{Columns: p.Rows.Columns}
	for i := range p.Rows.Len() {
		if _, known := r.rewound.known[r.rewound.mark(p.Rows, i)]; known {
			r.rewound.ahead--
			p.skipped++
			p.more--
			continue
		}
		kept.Values = append(kept.Values, p.Rows.Row(i)...)
	}
	p.Rows = kept
	return p
}

// accounted are the marks of a batch, of rejected records too: their dead letter accounts for them.
func (r *run) accounted(b *batch) []string {
	if r.rewound == nil {
		return nil
	}
	list := make([]string, b.raw.Len())
	for i := range list {
		list[i] = r.rewound.mark(b.raw, i)
	}
	return list
}

// add remembers delivered records and forgets those out of reach of a rewind from the checkpoint.
func (w *rewound) add(marks []string, checkpoint feed.Cursor) {
	w.recent = append(w.recent, marks...)
	out := max(len(w.recent)-maxRecent, 0)
	for out < len(w.recent) && !w.reaches(markedPlace(w.recent[out]), checkpoint) {
		out++
	}
	w.recent = w.recent[out:]
}

// reaches says whether a run from the checkpoint on reads the record at place again. One from the beginning reads all.
func (w *rewound) reaches(place, checkpoint feed.Cursor) bool {
	return checkpoint == "" || w.source.Rewound(place, checkpoint)
}

// keepRecent saves the memory for the next run. When a crash comes before it, that run delivers the records within the
// lookback again.
func (r *run) keepRecent() error {
	if r.rewound == nil {
		return nil
	}
	marks, anew := slices.Clone(r.rewound.recent), make(map[feed.Cursor]struct{}, len(r.rewound.recent))
	for _, mark := range marks {
		anew[markedPlace(mark)] = struct{}{}
	}
	for known := range r.rewound.known {
		place := markedPlace(known)
		if _, changed := anew[place]; !changed && r.rewound.reaches(place, r.checkpoint.Cursor) {
			marks = append(marks, known)
		}
	}
	return r.engine.Store.ReplaceRecent(context.WithoutCancel(r.soft), r.job.Name, marks)
}
