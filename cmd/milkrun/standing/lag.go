package standing

import (
	"encoding/json"
	"fmt"
	"time"

	"milkrun/state"
	"milkrun/sync/alert"
	"milkrun/sync/feed"
	"milkrun/sync/setting"
)

// What a lag is measured by.
const (
	OfCursor = "cursor"        // the time in it
	OfUpdate = "update"        // when the checkpoint moved last
	OfPass   = "complete pass" // when the last one ended
)

// Lag says how old what the target has is, and by what: the time in the cursor, where it begins with one; else when the
// checkpoint moved last, or the last complete pass ended. Of is "" when nobody knows.
func (j *Job) Lag(now time.Time) (lag time.Duration, of string) {
	since, of := j.LastFull, OfPass
	if c, found := j.Lanes[state.Forward]; found {
		since, of = c.UpdatedAt, OfUpdate
		text := First(c.Cursor)
		if form := TimeForm(text); form != "" {
			if at, err := time.ParseInLocation(form, text, j.Location); err == nil {
				since, of = at, OfCursor
			}
		}
	}
	if since.IsZero() {
		return 0, ""
	}
	return max(now.Sub(since), 0), of
}

// First is the first value of a cursor that is a list, or {"from": list}, when it is a text; else "".
func First(c feed.Cursor) string {
	var list []any
	if json.Unmarshal([]byte(c), &list) != nil {
		var from struct{ From []any }
		if json.Unmarshal([]byte(c), &from) != nil {
			return ""
		}
		list = from.From
	}
	if len(list) == 0 {
		return ""
	}
	text, _ := list[0].(string)
	return text
}

// TimeForm is the layout a time is written in, "" when the text is no time. Fractions of a second may stand behind any.
func TimeForm(text string) string {
	for _, form := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04", "2006-01-02T15:04"} {
		if _, err := time.Parse(form, text); err == nil {
			return form
		}
	}
	return ""
}

// Overdue is a promise that a job broke: done_by or stale_after.
type Overdue struct {
	Kind  alert.Kind    `json:"kind"`            // late or stale
	At    time.Time     `json:"at"`              // when it was broken
	Slot  time.Time     `json:"slot,omitzero"`   // late: the one that was not done
	Since time.Time     `json:"since,omitzero"`  // stale: the last success, or when the job was first seen
	Never bool          `json:"never,omitempty"` // stale: there was no success yet
	Limit time.Duration `json:"-"`               // stale: stale_after
	Text  string        `json:"text"`
}

func overdue(e alert.Event) Overdue {
	o := Overdue{Kind: e.Kind, At: e.At, Slot: e.Slot, Never: e.Never, Limit: e.Limit}
	switch {
	case e.Kind == alert.Late:
		o.Text = fmt.Sprintf("the slot of %s was not done by %s", Clock(e.Slot, e.Location), e.At.In(e.Location).Format("15:04"))
	case e.Never:
		o.Since = e.Since
		o.Text = fmt.Sprintf("it has not succeeded since it was first seen at %s, and shall within %s", Clock(e.Since, e.Location), setting.FormatDuration(e.Limit))
	default:
		o.Since = e.Since
		o.Text = fmt.Sprintf("the last success was at %s, and there shall be one within %s", Clock(e.Since, e.Location), setting.FormatDuration(e.Limit))
	}
	return o
}
