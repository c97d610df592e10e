package page

import (
	"time"

	"milkrun/cmd/milkrun/standing"
)

// gauge is how far a run has come.
type gauge struct {
	Run              int64
	Label            string
	Known            bool // how much there is
	Done, Total      int64
	Percent          int64
	Amount, Speed    string
	Left, Elapsed    string
	Phase            string
	Trouble, GivesUp string
	Rejected, Retryn string
}

func (v *visit) gauge(p standing.Meter) *gauge {
	done, total := p.Done(), p.Counts.Total
	g := &gauge{Run: p.Run, Label: v.say("progress", p.Run), Done: done, Amount: v.many(done, "record"),
		Phase: v.word("phase", p.Phase), Elapsed: v.say("elapsed", v.span(v.now.Sub(p.StartedAt)))}
	if percent, known := p.Share(); known {
		g.Known, g.Total, g.Percent = true, total, percent
		g.Amount = v.say("of", standing.Grouped(done), v.many(total, "record"))
	}
	if p.Phase == "reading" && p.Speed >= 0.5 {
		g.Speed = v.say("speed", standing.Grouped(int64(p.Speed+0.5)))
	}
	if left, known := p.Left(); known {
		g.Left = v.say("left", v.span(max(left, time.Second)))
	}
	if n := p.Counts.Rejected; n > 0 {
		g.Rejected = v.say("rejected.n", standing.Grouped(n))
	}
	if n := p.Counts.Retries; n > 0 {
		g.Retryn = v.many(n, "retry")
	}
	if p.Trouble != "" {
		g.Trouble = v.say("trouble", v.tell(cut(p.Trouble, 400)))
		if !p.GiveUpAt.IsZero() {
			g.GivesUp = v.say("gives.up", v.ago(p.GiveUpAt, v.now))
		}
	}
	return g
}
