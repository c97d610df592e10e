package sync

import (
	"encoding/json"
	"slices"
	"sync"
)

// maxBorders bounds what is remembered of a drifting enumeration; one that drifts more often is read again as a whole.
const maxBorders = 200

// drift is what tells that rows moved while the pages of an enumeration were read. It is kept with the checkpoint.
//
// Rows inserted or removed shift every later page: one record is seen twice, or one is never seen. The partner states a
// total with every page, so pages stating the same total are taken to show the same state of the feed; where the total
// changes from one page to the next there is a border, and at borders records are missed. A row that moves without
// changing the total shows as a key read twice.
type drift struct {
	Total   int64   `json:"total"`             // as stated with the last page, -1 before the first
	Size    int64   `json:"page_size"`         // rows of a full page
	Pages   int64   `json:"pages"`             // pages there are, as far as they were read
	Borders []int64 `json:"borders,omitempty"` // pages (from 0) that state another total than the page before, or follow a short one
	Wild    bool    `json:"wild,omitempty"`    // more borders than are remembered
	Whole   bool    `json:"whole,omitempty"`   // the last page has been read
	Low     int64   `json:"low"`               // the lowest total of a page received before the last one was asked for
	High    int64   `json:"high"`              // the highest
	Rose    bool    `json:"rose,omitempty"`    // the total rose, some time
	Fell    bool    `json:"fell,omitempty"`    // likewise
	// Samples are fingerprints of the keys on a few pages, by page, for a last look before the swap: rows removed and
	// inserted between two requests leave the total as it is.
	Samples map[int64]uint64 `json:"samples,omitempty"`
	// Refused counts the records of each page that the source refused: they are in the total, and not staged.
	Refused map[int64]int64 `json:"refused,omitempty"`

	// Pages are asked for several at once and may be answered in any order: their totals tell a direction only when one
	// was received before the other was asked for. unordered holds the totals of the last ahead pages.
	ahead     int
	unordered []int64
	kept      int64 // records staged beyond those that are stated; see feed.Keeper
}

func newDrift(size, ahead int) drift {
	return drift{Total: -1, Low: -1, High: -1, Size: int64(size), ahead: max(ahead, 1)}
}

// driftFrom reads what an interrupted run kept; ok is false when it does not fit this run's pages.
func driftFrom(detail string, size, ahead int) (d drift, ok bool) {
	fresh := newDrift(size, ahead)
	d = fresh
	if err := json.Unmarshal([]byte(detail), &d); err != nil || d.Size != int64(size) {
		return fresh, false
	}
	return d, true
}

func (d *drift) detail() string {
	text, err := json.Marshal(d)
	if err != nil {
		return "{}" // a struct of numbers always marshals
	}
	return string(text)
}

// sharedDrift is a drift that pages are still added to while checkpoints are saved.
type sharedDrift struct {
	mu sync.Mutex
	drift
}

func (d *sharedDrift) see(p page) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saw(p)
}

func (d *sharedDrift) detailAt() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.detail()
}

// saw looks at one page in the order of the enumeration.
func (d *drift) saw(p page) {
	n := p.at / d.Size
	if d.Total >= 0 && p.Total != d.Total {
		d.border(n)
	}
	d.direct(p.Total)
	got := int64(p.Rows.Len() + len(p.Rejected))
	if !p.Done && got < d.Size {
		d.border(n + 1)
	}
	if end := p.at + got; p.Done && p.Total >= 0 && (end < p.Total || got > 0 && end > p.Total) {
		d.border(n)
	}
	d.refuse(n, int64(len(p.Rejected)))
	if stride := d.stride(p.Total); stride > 0 && n%stride == 0 {
		d.sample(n, p)
	}
	d.Total = p.Total
	d.Pages = max(d.Pages, n+1)
	d.Whole = d.Whole || p.Done
}

// direct notices whether the total rose or fell.
func (d *drift) direct(total int64) {
	if total < 0 {
		return
	}
	if len(d.unordered) == d.ahead {
		d.settle(d.unordered[0])
		d.unordered = d.unordered[1:]
	}
	d.unordered = append(d.unordered, total)
	d.Rose = d.Rose || d.Low >= 0 && total > d.Low
	d.Fell = d.Fell || d.High >= 0 && total < d.High
}

// inTurn says that from now on each page is asked for after the one before was received.
func (d *drift) inTurn() {
	d.ahead = 1
	for _, total := range d.unordered {
		d.settle(total)
	}
	d.unordered = nil
}

func (d *drift) settle(total int64) {
	if d.Low < 0 {
		d.Low, d.High = total, total
	}
	d.Low, d.High = min(d.Low, total), max(d.High, total)
}

// samples is how many pages are looked at once more before the swap, spread over the feed.
const samples = 16

func (d *drift) stride(total int64) int64 {
	if total < 0 {
		return 0
	}
	return max(total/d.Size/samples, 1)
}

func (d *drift) sample(n int64, p page) {
	if d.Samples == nil {
		d.Samples = map[int64]uint64{}
	}
	if _, seen := d.Samples[n]; seen || len(d.Samples) < 4*samples {
		d.Samples[n] = p.fingerprint
	}
}

func (d *drift) refuse(page, count int64) {
	if count > 0 && d.Refused == nil {
		d.Refused = map[int64]int64{}
	}
	if count > 0 || d.Refused[page] > 0 {
		d.Refused[page] = count
	}
}

// refused counts a record of a page that the target refused.
func (d *sharedDrift) refused(page, count int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse(page, d.Refused[page]+count)
}

// expected is how many records the staging area should hold, -1 when the partner states no total.
func (d *drift) expected() int64 {
	n := d.Total
	for _, refused := range d.Refused {
		n -= refused
	}
	if n < 0 {
		return -1
	}
	return n + d.kept
}

// border notes that the pages before n and from n on were read in different states of the feed.
func (d *drift) border(n int64) {
	if slices.Contains(d.Borders, n) {
		return
	}
	if len(d.Borders) == maxBorders {
		d.Wild = true
		return
	}
	d.Borders = append(d.Borders, n)
}

// quiet says that nothing hints at a row that moved.
func (d *drift) quiet() bool { return len(d.Borders) == 0 && !d.Wild }

// seeds are the pages at which a repair starts looking: the ends, both sides of every border, and around the positions
// of keys that were read twice.
func (d *drift) seeds(duplicates []int64) []int64 {
	last := max(d.Pages-1, 0)
	pages := []int64{0, last}
	for _, b := range d.Borders {
		pages = append(pages, b-1, b)
	}
	for _, at := range duplicates {
		pages = append(pages, at/d.Size-1, at/d.Size, at/d.Size+1)
	}
	pages = slices.DeleteFunc(pages, func(n int64) bool { return n < 0 || n > last })
	slices.Sort(pages)
	return slices.Compact(pages)
}

// probe is a page read again: how far its rows are displaced from where they were staged.
type probe struct {
	page        int64
	first, last placed // the first and the last row that stand in line; known is false when no row does
	known       bool
	news        bool   // it holds rows that were not staged
	seams       []seam // where rows in line do not follow each other as they are staged
}

// placed is a row's position now and where it is staged.
type placed struct{ now, staged int64 }

func (p placed) displaced() int64 { return p.now - p.staged }

// seam is two rows in line that follow each other now, and did not when they were staged.
type seam struct {
	before, behind placed
	news           bool // rows that were not staged stand between them
}

// line finds in a page read again the rows that stand in line, and the seams between them. A row is in line when a
// neighbour is displaced as far as it is; others have been moved here from elsewhere, or are new (staged at -1).
func line(page, base int64, staged []int64) probe {
	p := probe{page: page}
	news := false
	for i, at := range staged {
		if at < 0 {
			p.news, news = true, true
		}
		if at < 0 || !inLine(staged, i) {
			continue
		}
		here := placed{base + int64(i), at}
		if !p.known {
			p.first, p.known = here, true
		} else if at != p.last.staged+1 && at > p.last.staged {
			p.seams = append(p.seams, seam{p.last, here, news})
		}
		p.last, news = here, false
	}
	return p
}

func inLine(staged []int64, i int) bool {
	before := i > 0 && staged[i-1] == staged[i]-1
	after := i+1 < len(staged) && staged[i+1] == staged[i]+1
	return before || after || len(staged) == 1
}
