package page

import (
	"fmt"
	"strconv"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

const (
	backfillsAtOnce = 10
	mostUnits       = 2000 // that a page shows; a backfill may have more
)

// backfillView is a backfill for people.
type backfillView struct {
	ID             int64
	Job, Href      string
	From, To, Done string
	Begun, Ended   stamp
	By             string
}

func (v *visit) viewBackfill(b state.Backfill, zone *time.Location) backfillView {
	return backfillView{ID: b.ID, Job: b.Job, Href: "/backfills/" + strconv.FormatInt(b.ID, 10), From: b.From, To: b.To,
		Done: v.say("of", standing.Grouped(b.DoneUnits), v.many(b.Units, "unit")), Begun: v.stamp(b.CreatedAt, zone), Ended: v.stamp(b.EndedAt, zone),
		By: v.by(0, b.Who, b.Why)}
}

// backfills are the newest ones of a job.
func (v *visit) backfills(j *standing.Job) (list []backfillView, err error) {
	newest, err := v.Store.Backfills(v.Context(), j.Name, backfillsAtOnce)
	for _, b := range newest {
		list = append(list, v.viewBackfill(b, j.Location))
	}
	return list, err
}

// unitView is a unit of a backfill for people.
type unitView struct {
	N, Run                int64
	Tone, State, From, To string
}

// backfill is the page of a backfill with what has become of its units.
func (p *page) backfill(v *visit) (content, error) {
	b, err := v.findBackfill()
	if err != nil {
		return content{}, err
	}
	units, err := p.Store.Units(v.Context(), b.ID)
	if err != nil {
		return content{}, err
	}
	data := struct {
		backfillView
		Again, Cut string
		Units      []unitView
	}{backfillView: v.viewBackfill(b, standing.Zone(p.Config(), b.Job))}
	if b.EndedAt.IsZero() {
		data.Again = fmt.Sprintf("milkrun backfill %s --from %q --to %q", b.Job, b.From, b.To)
	}
	if len(units) > mostUnits {
		data.Cut = v.say("units.cut", mostUnits, v.many(int64(len(units)), "unit"))
		units = units[:mostUnits]
	}
	for _, u := range units {
		tone := map[state.UnitState]string{state.UnitDone: "ok", state.UnitPart: "warn"}[u.State]
		if tone == "" {
			tone = "off"
		}
		data.Units = append(data.Units, unitView{N: u.N, Run: u.RunID, Tone: tone, State: v.word("state", string(u.State)), From: u.From, To: u.To})
	}
	return content{title: v.say("backfill.of", b.ID, b.Job), nav: "overview", name: "backfill", data: data}, nil
}

// findBackfill is the backfill that is asked for.
func (v *visit) findBackfill() (b state.Backfill, err error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return b, errNoPage
	}
	list, err := v.Store.Backfills(v.Context(), "", 0)
	if err != nil {
		return b, err
	}
	for _, b := range list {
		if b.ID == id {
			return b, nil
		}
	}
	return b, errNoPage
}
