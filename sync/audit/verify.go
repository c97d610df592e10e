package audit

import (
	"fmt"
	"strconv"
	"strings"
)

// What can be wrong with a chain.
const (
	Altered   = "altered"   // its hash is not that of its content behind the row before it
	Missing   = "missing"   // numbers are left out
	Truncated = "truncated" // rows at the end are gone
	NotHead   = "head"      // the hash that was kept elsewhere is not in the chain
	OldHead   = "old head"  // the hash that was kept elsewhere is of a row that was pruned; nothing is known to be wrong
)

// Finding is something wrong with the rows From … Through.
type Finding struct {
	What    string `json:"what"`
	From    int64  `json:"from"`
	Through int64  `json:"through"`
	Text    string `json:"text"`
}

// Anchor is where a chain begins: behind row Through with this hash, whose predecessors and itself were removed. The zero
// Anchor is the very beginning.
type Anchor struct {
	Through int64
	Hash    Sum
}

// Verify looks at a chain row by row, in their order. It keeps one row's worth of memory.
type Verify struct {
	anchor   Anchor
	kept     Head // what was kept elsewhere; may be zero
	last     Head
	rows     int64
	seen     bool // the kept head is in the chain
	anchored bool // a row vouches for the anchor
	wrong    []Finding
}

// maxFindings bounds what is told of a chain that is wrong throughout.
const maxFindings = 100

// NewVerify begins at an anchor. kept is what [Head.String] gave when it was the newest; the zero Head when nobody kept one.
func NewVerify(a Anchor, kept Head) *Verify {
	return &Verify{anchor: a, kept: kept, last: Head{Seq: a.Through, Hash: a.Hash}, anchored: a.Through == 0}
}

// Row looks at the next row. Those that the anchor stands for are passed over: they are about to be removed.
func (v *Verify) Row(r *Row) {
	if r.Seq <= v.anchor.Through {
		return
	}
	v.rows++
	switch {
	case r.Seq > v.last.Seq+1:
		v.find(Missing, v.last.Seq+1, r.Seq-1, "%s missing before row %d", rows(v.last.Seq+1, r.Seq-1), r.Seq)
	case r.Foreign || r.Link(v.last.Hash) != r.Hash:
		v.find(Altered, r.Seq, r.Seq, "row %d (%s) is not what was written: it was altered, or a row was put in or taken out before it", r.Seq, Stamp(r.At))
	}
	if r.Kind == Pruned && r.Records == v.anchor.Through && r.Digest == v.anchor.Hash {
		v.anchored = true
	}
	if v.kept.Hash == r.Hash && (v.kept.Seq == 0 || v.kept.Seq == r.Seq) {
		v.seen = true
	}
	v.last = Head{Seq: r.Seq, Hash: r.Hash, At: r.At}
}

// End returns what is wrong; nothing when the chain is whole. written is how many rows there ever were, as far as the file
// itself tells.
func (v *Verify) End(written int64) []Finding {
	if v.last.Seq < written {
		v.find(Truncated, v.last.Seq+1, written, "%s missing at the end: the file had %d", rows(v.last.Seq+1, written), written)
	}
	if !v.anchored {
		v.find(Missing, 1, v.anchor.Through, "%s missing at the beginning, and no row says that they were pruned", rows(1, v.anchor.Through))
	}
	if v.kept.Hash == (Sum{}) || v.seen || v.anchor.Hash == v.kept.Hash {
		return v.wrong
	}
	switch {
	case v.kept.Seq > 0 && v.kept.Seq <= v.anchor.Through:
		v.find(OldHead, v.kept.Seq, v.kept.Seq, "row %d, whose hash was kept, has been pruned since: it tells nothing about what is left", v.kept.Seq)
	case v.kept.Seq > v.last.Seq:
		v.find(Truncated, v.last.Seq+1, v.kept.Seq, "%s missing at the end: the hash of row %d was kept, and the last one is %d",
			rows(v.last.Seq+1, v.kept.Seq), v.kept.Seq, v.last.Seq)
	case v.kept.Seq > 0:
		v.find(NotHead, v.kept.Seq, v.kept.Seq, "row %d has another hash than the one that was kept: the chain was written anew", v.kept.Seq)
	default:
		v.find(NotHead, 0, 0, "no row has the hash that was kept: rows at the end are gone, or the chain was written anew")
	}
	return v.wrong
}

// Last is the newest row that was looked at.
func (v *Verify) Last() Head { return v.last }

// Rows is how many rows were looked at.
func (v *Verify) Rows() int64 { return v.rows }

func (v *Verify) find(what string, from, through int64, format string, args ...any) {
	if len(v.wrong) < maxFindings {
		v.wrong = append(v.wrong, Finding{what, from, through, fmt.Sprintf(format, args...)})
	}
}

func rows(from, through int64) string {
	if from == through {
		return fmt.Sprintf("row %d is", from)
	}
	return fmt.Sprintf("rows %d to %d are", from, through)
}

// ParseHead reads what [Head.String] wrote, or a hash alone.
func ParseHead(text string) (h Head, err error) {
	number, hash, both := strings.Cut(strings.TrimSpace(text), ":")
	if !both {
		hash = number
	} else if h.Seq, err = strconv.ParseInt(number, 10, 64); err != nil || h.Seq < 1 {
		return h, fmt.Errorf("%q is no row number", number)
	}
	h.Hash, err = ParseSum(hash)
	return h, err
}
