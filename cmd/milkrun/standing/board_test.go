package standing

import (
	"path/filepath"
	"testing"
	"time"

	"milkrun/state"
)

// A backfill of many units says nothing about when the job was last up to date, however many of its runs are newer.
func TestLastSuccessIsOfTheForwardLane(t *testing.T) {
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "milkrun.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	at := time.Unix(1_800_000_000, 0).UTC()
	for i := range NewestRuns + 2 {
		r := state.Run{Job: "affairs", Trigger: state.Backfilled, Mode: "incremental", StartedAt: at.Add(time.Duration(i) * time.Minute)}
		if i == 0 {
			r.Trigger = state.Schedule
		}
		if r.ID, err = store.StartRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.State, r.FinishedAt = state.Done, r.StartedAt
		if err = store.FinishRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	newest, err := store.Runs(t.Context(), state.RunFilter{Job: "affairs", Limit: NewestRuns})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := lastSuccess(t.Context(), store, "affairs", newest); err != nil || !got.Equal(at) {
		t.Errorf("the last success was %s, %v", got, err)
	}
}
