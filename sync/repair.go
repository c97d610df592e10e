package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"milkrun/sync/feed"
)

const (
	mendRounds = 8  // of looking
	duplicates = 50 // positions of keys read twice that a round looks at
)

// repair makes a staged enumeration whole: it reads few pages again until the different keys that are staged are as many
// as the partner states, in a round during which the stated total did not change.
//
// From the pages where the total changed (or a key was read twice) it halves its way to the rows that were inserted,
// removed or moved, by comparing where rows stand now with where they are staged: their displacement. Where that changes
// is a step; between two pages whose displacement differs by the steps known between them, nothing has changed.
//
// Matching figures alone could agree by chance: one record stale, another missing. They prove that all is well when the
// total never fell, because then everything staged is still there; or when it only fell, because then, of pages read at
// one total, the displacement only falls, and halving misses no step. When records came and went, the enumeration is
// read again from the beginning.
type repair struct {
	run    *run
	reader *reader
	enum   feed.Enumerator
	gen    feed.Repairer
	drift  *drift
	probes map[int64]probe
	steps  []step  // known changes of displacement
	epochs []int64 // all borders there ever were
	read   int64   // pages read again
	moved  bool    // this round has found a row that is not where it was known to be
	mixed  bool    // records came and went
}

// step is a change of displacement at a staged position.
type step struct{ at, by int64 }

// mend returns the number of different keys at which the enumeration is whole.
func (m *repair) mend(ctx context.Context) (int64, error) {
	m.drift.inTurn()
	var staged feed.Staged
	for round := range mendRounds {
		var err error
		if staged, err = m.gen.Count(ctx, duplicates); err != nil {
			return 0, err
		}
		if round > 0 && m.whole(staged) {
			m.run.event("drift", "mended: %d different records, %d pages read again", staged.Distinct, m.read)
			return staged.Distinct, nil
		}
		m.mixed = m.mixed || m.drift.Wild || m.drift.Rose && m.drift.Fell || m.drift.Fell && len(staged.Duplicates) > 0
		if m.mixed || round > 0 && m.drift.quiet() && !m.moved {
			break // looking on does not help
		}
		m.run.event("drift", "%d different records of %d, %d borders, %d rows read twice: looking where rows moved", staged.Distinct,
			m.drift.expected(), len(m.drift.Borders), staged.Rows-staged.Distinct)
		if err := m.look(ctx, staged.Duplicates); err != nil {
			return 0, err
		}
	}
	if m.mixed {
		return 0, notWhole(errors.New("records came and went while it was read"))
	}
	if !m.moved && !m.drift.Rose && !m.drift.Fell {
		return 0, wrongTotal(fmt.Errorf("nothing moved while %d pages were read again, but the partner states %d records and lists %d",
			m.read, m.drift.expected(), staged.Distinct))
	}
	return 0, notWhole(fmt.Errorf("its rows keep moving, after %d pages read again", m.read))
}

// whole says that the last round saw the feed in one state, and that as many different keys are staged as are stated.
// When the partner itself lists a key more than once that is never so; then as many rows will do, with none displaced.
func (m *repair) whole(staged feed.Staged) bool {
	if !m.drift.quiet() || m.mixed {
		return false
	}
	return staged.Distinct == m.drift.expected() || !m.moved && staged.Rows == m.drift.expected()
}

// look probes the seeds and then halves between them.
func (m *repair) look(ctx context.Context, twice []int64) error {
	seeds := m.drift.seeds(twice)
	m.epochs = append(m.epochs, m.drift.Borders...)
	m.drift.Borders, m.moved, m.probes = nil, false, map[int64]probe{}
	for _, n := range seeds {
		if _, err := m.probe(ctx, n); err != nil {
			return err
		}
	}
	if last := m.drift.Pages - 1; last > seeds[len(seeds)-1] { // the feed has grown since
		if _, err := m.probe(ctx, last); err != nil {
			return err
		}
		seeds = append(seeds, last)
	}
	for i := 1; i < len(seeds); i++ {
		if err := m.narrow(ctx, m.probes[seeds[i-1]], m.probes[seeds[i]]); err != nil {
			return err
		}
	}
	return m.ends(ctx, m.probes[seeds[0]], m.probes[seeds[len(seeds)-1]])
}

// narrow looks for steps between two probed pages.
func (m *repair) narrow(ctx context.Context, a, b probe) error {
	if b.page == a.page+1 {
		if !a.known || !b.known {
			return nil
		}
		return m.learn(ctx, seam{a.last, b.first, false}, b.page)
	}
	if a.known && b.known && m.unexplained(a.last, b.first) == 0 {
		return nil
	}
	p, err := m.probe(ctx, (a.page+b.page)/2)
	if err != nil {
		return err
	}
	if err := m.narrow(ctx, a, p); err != nil {
		return err
	}
	return m.narrow(ctx, p, b)
}

// unexplained is the change of displacement between two rows beyond the known steps.
func (m *repair) unexplained(a, b placed) int64 {
	by := b.displaced() - a.displaced()
	for _, s := range m.steps {
		if s.at > a.staged && s.at <= b.staged {
			by -= s.by
		}
	}
	return by
}

// learn takes note of a step between two rows that follow each other, and unstages what stood between them and no longer
// does.
func (m *repair) learn(ctx context.Context, s seam, page int64) error {
	by := m.unexplained(s.before, s.behind)
	if by != 0 {
		m.moved = true
		m.steps = append(m.steps, step{s.behind.staged, by})
		rises := s.behind.displaced() > s.before.displaced() && !slices.Contains(m.epochs, page)
		m.mixed = m.mixed || rises && m.drift.Fell
	}
	gone := s.behind.staged - s.before.staged - (s.behind.now - s.before.now) // fewer rows between them than were staged
	if missing := s.behind.staged - s.before.staged - 1; (gone > 0 || s.news) && missing > 0 && missing <= m.drift.Size {
		return m.gen.Forget(ctx, s.before.staged+1, s.behind.staged)
	}
	return nil
}

// ends unstages what stood before the first row and behind the last.
func (m *repair) ends(ctx context.Context, first, last probe) error {
	if first.known && first.page == 0 && first.first.staged > first.first.now && first.first.staged <= m.drift.Size {
		m.moved = true
		if err := m.gen.Forget(ctx, 0, first.first.staged); err != nil {
			return err
		}
	}
	end := m.drift.Pages * m.drift.Size
	if last.known && last.page == m.drift.Pages-1 && end-last.last.staged <= 2*m.drift.Size {
		return m.gen.Forget(ctx, last.last.staged+1, end+m.drift.Size)
	}
	return nil
}

// probe reads page n again, stages what it brings and unstages what is no longer in it.
func (m *repair) probe(ctx context.Context, n int64) (probe, error) {
	p := m.reader.fetch(m.run.soft, m.enum.CursorAt(n, m.reader.limit))
	if p.err != nil {
		return probe{}, p.err
	}
	m.read++
	m.run.readAgain()
	m.drift.saw(p)
	found := probe{page: n}
	if p.Rows.Len() > 0 {
		staged, err := m.gen.Probe(ctx, m.run.masked(p.Rows))
		if err != nil {
			return probe{}, m.run.sinkError(fmt.Sprintf("page behind %s, read again", shownCursor(p.after)), err)
		}
		found = line(n, p.at, staged)
	}
	m.moved = m.moved || found.news
	for _, s := range found.seams {
		if err := m.learn(ctx, s, -1); err != nil {
			return probe{}, err
		}
	}
	m.probes[n] = found
	return found, m.run.step("probed")
}
