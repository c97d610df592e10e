package page

import (
	"context"
	"fmt"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/feed"
)

// ran puts a run into the state file as the engine would: begun, moved on, ended.
func (w *world) ran(job string, slot time.Time, decision string, took time.Duration, outcome state.Run, letters ...state.Letter) int64 {
	w.t.Helper()
	ctx := context.Background()
	w.at(slot)
	outcome.Job = job
	if decision != "" {
		outcome.Slot = slot
	}
	if outcome.Trigger == "" {
		outcome.Trigger = state.Schedule
	}
	if outcome.Mode == "" {
		outcome.Mode = "incremental"
	}
	var slots []state.Slot
	if decision != "" {
		slots = []state.Slot{{Job: job, At: slot, Decision: decision}}
	}
	begun := outcome
	begun.StartedAt, begun.Counts = slot.Add(400*time.Millisecond), state.Counts{Total: -1}
	id, err := w.store.DecideAndStart(ctx, slots, begun)
	w.must(err)
	w.at(slot.Add(took))
	if outcome.CursorTo != "" {
		w.must(w.store.Advance(ctx, state.Progress{Checkpoint: state.Checkpoint{Job: job, Lane: state.Forward, Cursor: outcome.CursorTo,
			Rows: outcome.Counts.Delivered, RunID: id}, Counts: state.Counts{Total: -1}, Letters: letters}))
	}
	outcome.ID, outcome.FinishedAt = id, slot.Add(took)
	w.must(w.store.FinishRun(ctx, outcome))
	return id
}

// fill puts some days of history into the state file.
func (w *world) fill(days int) {
	w.t.Helper()
	today := time.Date(2026, 3, 5, 0, 0, 0, 0, shanghai)
	for d := days; d >= 0; d-- {
		day := today.AddDate(0, 0, -d)
		w.fillGrades(day, d)
		w.fillUsers(day, d)
		w.fillLicences(day, d)
		w.fillAffairs(day, d)
	}
	w.ran("archive", time.Date(2026, 2, 27, 22, 0, 0, 0, shanghai), state.Ran, 41*time.Second,
		state.Run{State: state.Done, Counts: state.Counts{Pages: 9, Read: 8412, Delivered: 8412, Bytes: 2_400_000, Total: -1}, CursorTo: `[884120]`})
	_, err := w.store.AddBackfill(context.Background(), state.Backfill{Job: "user-info", From: "2026-03-01", To: "2026-03-02", Who: "li.wei", Why: "they lost a day"},
		[]state.Unit{{N: 1, From: "2026-03-01", To: "2026-03-01 08:00:00"}, {N: 2, From: "2026-03-01 08:00:00", To: "2026-03-02"}, {N: 3, From: "2026-03-02", To: "2026-03-02"}})
	w.must(err)
	w.must(w.store.SettleUnit(context.Background(), 1, state.Unit{N: 1, State: state.UnitDone, RunID: 1}))
	w.must(w.store.SettleUnit(context.Background(), 1, state.Unit{N: 2, State: state.UnitPart, RunID: 2}))
	w.at(noon().Add(-3 * time.Hour))
	w.must(w.store.Pause(context.Background(), "archive", "li.wei", "the archive disk is being replaced"))
	w.at(noon().Add(-38 * time.Minute))
	w.must(w.store.SetCheckpoint(context.Background(), "licences", state.Forward, `[120000]`, "li.wei", "the partner asked for March again"))
	w.at(noon())
}

func (w *world) fillGrades(day time.Time, ago int) {
	slot := day.Add(90 * time.Minute)
	n := int64(1_700_000 + 311*ago)
	if ago == 0 { // it is still reading, after an hour's stop of the partner
		ctx := context.Background()
		w.at(noon().Add(-25 * time.Second))
		id, err := w.store.DecideAndStart(ctx, []state.Slot{{Job: "grades", At: slot, Decision: state.CaughtUp, Note: "the daemon was stopped"}},
			state.Run{Job: "grades", Slot: slot, Trigger: state.CatchUp, Mode: "full", Counts: state.Counts{Total: -1}})
		w.must(err)
		w.must(w.store.AddEvent(ctx, state.Event{RunID: id, Kind: "retry", Text: "page 71: HTTP 503 from the platform; trying again in 2s"}))
		w.setRunning(w.gradesAt(412_300))
		return
	}
	w.ran("grades", slot, state.Ran, 94*time.Second+time.Duration(ago*700)*time.Millisecond, state.Run{State: state.Done, Mode: "full",
		Counts:  state.Counts{Pages: n / 1000, Read: n, Delivered: n, Bytes: n * 61, Retries: int64(ago % 3), Total: n},
		Summary: fmt.Sprintf(`{"inserted":%d,"updated":%d,"deleted":%d,"unchanged":%d,"reread":%d}`, 120+ago, 3040, 17, n-3160, ago%4)})
	w.must(w.store.SetLastFull(context.Background(), "grades", slot.Add(95*time.Second)))
}

// gradesAt is the run of grades under way.
func (w *world) gradesAt(read int64) sync.Progress {
	runs, err := w.store.Runs(context.Background(), state.RunFilter{Job: "grades", Limit: 1})
	w.must(err)
	return sync.Progress{Job: "grades", Run: runs[0].ID, Mode: "full", Phase: "reading", StartedAt: noon().Add(-25 * time.Second),
		Counts: state.Counts{Pages: read / 1000, Read: read, Retries: 3, Bytes: read * 61, Total: 1_700_311}}
}

func (w *world) fillUsers(day time.Time, ago int) {
	slot := day.Add(3 * time.Hour)
	n := int64(3100 + 173*(ago%5))
	cursor := feed.Cursor(fmt.Sprintf(`[%q,%d]`, slot.Add(-time.Minute).Format("2006-01-02 15:04:05"), 90210+ago))
	if ago > 0 {
		w.ran("user-info", slot, state.Ran, 22*time.Second, state.Run{State: state.Done, CursorTo: cursor,
			Counts: state.Counts{Pages: n/100 + 1, Read: n, Delivered: n, Bytes: n * 210, Total: -1}})
		return
	}
	id := w.ran("user-info", slot, state.Ran, 3*time.Second, state.Run{State: state.Halted, Counts: state.Counts{Pages: 1, Read: 100, Total: -1},
		Code: "401", Error: "partner: the partner answers with the code 401: token expired", Remedy: "check the token or the HMAC key, and whether the partner admits this machine; then resume the connection"})
	w.must(w.store.SetHalt(context.Background(), state.Halt{Scope: state.ConnectionScope, Name: "partner", At: slot.Add(3 * time.Second), RunID: id,
		Code: "401", Reason: "partner: the partner answers with the code 401: token expired", Remedy: "check the token or the HMAC key, and whether the partner admits this machine; then resume the connection"}))
}

func (w *world) fillLicences(day time.Time, ago int) {
	for i, hour := range []int{0, 6, 12, 18} {
		slot := day.Add(time.Duration(hour)*time.Hour + 15*time.Minute)
		if slot.After(noon()) {
			return
		}
		n := int64(40 + 13*((ago*4+i)%7))
		r := state.Run{State: state.Done, Counts: state.Counts{Pages: 1, Read: n, Delivered: n, Bytes: n * 300, Total: -1}, CursorTo: feed.Cursor(fmt.Sprintf("[%d]", 121000-ago*100+i))}
		if ago == 0 && hour == 6 {
			r = state.Run{State: state.Failed, Code: "timeout", Error: "jinlaiban: batch of 20 records: no answer within 30s",
				Remedy: "look whether the platform is reachable from here", Counts: state.Counts{Pages: 1, Read: 20, Retries: 11, Total: -1}}
		}
		w.ran("licences", slot, state.Ran, 4*time.Second, r)
	}
}

func (w *world) fillAffairs(day time.Time, ago int) {
	for i := range 144 {
		slot := day.Add(time.Duration(i) * 10 * time.Minute)
		if slot.After(noon()) {
			return
		}
		switch {
		case ago == 1 && i >= 60 && i < 66:
			if i == 60 {
				w.must(w.store.Decide(context.Background(), state.Slot{Job: "affairs", At: slot, Through: slot.Add(50 * time.Minute), Count: 6,
					Decision: state.Missed, Note: "the daemon was stopped"}))
			}
			continue
		case ago == 2 && (i == 84 || i == 85):
			w.must(w.store.Decide(context.Background(), state.Slot{Job: "affairs", At: slot, Decision: state.Skipped, Note: "the run before it was still under way"}))
			continue
		}
		w.fillAffair(slot, ago, i)
	}
}

func (w *world) fillAffair(slot time.Time, ago, i int) {
	n := int64(20 + (i*37)%90 + i/3)
	r := state.Run{State: state.Done, Counts: state.Counts{Pages: n/50 + 1, Read: n, Delivered: n, Bytes: n * 410, Total: -1},
		CursorTo: feed.Cursor(fmt.Sprintf(`{"create_date":%q,"id":%d}`, slot.Add(-7*time.Second).Format("2006-01-02 15:04:05"), 410000-ago*9000+i*60))}
	var letters []state.Letter
	if ago == 0 && i%11 == 6 {
		r.State, r.Counts.Rejected = state.Part, 2
		for k := range 2 {
			letters = append(letters, state.Letter{Code: "result 2", Reason: "projectName is longer than 50 characters", Key: fmt.Sprint(410000 + i*60 + k),
				Place:  feed.Cursor(fmt.Sprintf(`{"create_date":%q,"id":%d}`, slot.Format("2006-01-02 15:04:05"), 410000+i*60+k)),
				Record: fmt.Sprintf(`{"projectName":"城乡居民基本养老保险参保登记（含补缴）","applyName":"王**","phone":"138****%04d","id":%d}`, 1200+i, 410000+i*60+k)})
		}
	}
	w.ran("affairs", slot, state.Ran, time.Duration(900+(i*53)%1400)*time.Millisecond, r, letters...)
}
