package page

import (
	"slices"
	"strconv"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

// spark is a small diagram of the last runs: their records as bars upwards, their durations as bars downwards.
type spark struct {
	Width, Height, Base int
	Label               string
	Bars                []bar
	Most                string
}

type bar struct {
	X, Wide                int
	Up, UpTall, Down, Deep string
	Tone, Title            string
	Href                   string
}

// shape is how large a diagram is, in its own units.
type shape struct{ step, wide, up, down int }

func smallShape() shape { return shape{step: 5, wide: 4, up: 22, down: 11} }
func largeShape() shape { return shape{step: 20, wide: 15, up: 84, down: 40} }

// spark draws the runs that are over, the newest at the right.
func (v *visit) spark(j *standing.Job, s shape) spark {
	runs := slices.DeleteFunc(slices.Clone(j.Runs), func(r state.Run) bool { return r.FinishedAt.IsZero() })
	runs = runs[:min(len(runs), sparkRuns)]
	slices.Reverse(runs)
	var most int64
	var longest time.Duration
	for _, r := range runs {
		most, longest = max(most, moved(r)), max(longest, r.FinishedAt.Sub(r.StartedAt))
	}
	d := spark{Width: sparkRuns * s.step, Height: s.up + s.down + 2, Base: s.up, Most: v.say("history.most", v.many(most, "record"), v.span(longest))}
	d.Label = v.say("history") + ": " + d.Most
	for i, r := range runs {
		b := bar{X: d.Width - (len(runs)-i)*s.step, Wide: s.wide, Tone: tones[string(r.State)], Href: "/runs/" + strconv.FormatInt(r.ID, 10)}
		took := r.FinishedAt.Sub(r.StartedAt)
		up, down := share(float64(moved(r)), float64(most), s.up), share(took.Seconds(), longest.Seconds(), s.down)
		b.Up, b.UpTall = units(float64(s.up)-up), units(up)
		b.Down, b.Deep = units(float64(s.up)+2), units(down)
		at := v.stamp(r.StartedAt, j.Location)
		b.Title = v.say("run", r.ID) + " · " + at.Date + " " + at.Clock + " · " + v.word("state", string(r.State)) + " · " +
			v.many(moved(r), "record") + " · " + v.span(took)
		d.Bars = append(d.Bars, b)
	}
	return d
}

// moved is what a run brought to its target, or took there to find it unchanged.
func moved(r state.Run) int64 { return r.Counts.Delivered }

// share is how tall a bar is: at least to be seen, unless there is nothing.
func share(n, most float64, tall int) float64 {
	if n <= 0 || most <= 0 {
		return 0.6
	}
	return max(n/most*float64(tall), 1.5)
}

func units(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
