package main

import (
	"encoding/json"
	"strconv"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// What --json prints. Keys are snake_case and times RFC 3339; what there is none of is left out, and a list is never
// null. A cursor is the text that milkrun checkpoint set takes; the empty one is the beginning.

// runView is a run.
type runView struct {
	ID         int64           `json:"id"`
	Job        string          `json:"job"`
	Trigger    state.Trigger   `json:"trigger"`
	Mode       string          `json:"mode"`
	State      state.RunState  `json:"state"`
	Slot       time.Time       `json:"slot,omitzero"`
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	Pages      int64           `json:"pages"`
	Read       int64           `json:"read"`
	Delivered  int64           `json:"delivered"`
	Rejected   int64           `json:"rejected"`
	Skipped    int64           `json:"skipped"`
	Retries    int64           `json:"retries"`
	Bytes      int64           `json:"bytes"`
	Total      *int64          `json:"total,omitempty"` // records the partner has
	CursorFrom feed.Cursor     `json:"cursor_from"`
	CursorTo   feed.Cursor     `json:"cursor_to"`
	Code       string          `json:"code,omitempty"`
	Error      string          `json:"error,omitempty"`
	Remedy     string          `json:"remedy,omitempty"`
	Summary    json.RawMessage `json:"summary,omitempty"`
	Polls      int64           `json:"polls,omitempty"` // looks in a row that found nothing, which share this row
}

func viewRun(r state.Run) runView {
	c := r.Counts
	v := runView{ID: r.ID, Job: r.Job, Trigger: r.Trigger, Mode: r.Mode, State: r.State, Slot: r.Slot, StartedAt: r.StartedAt,
		FinishedAt: r.FinishedAt, Pages: c.Pages, Read: c.Read, Delivered: c.Delivered, Rejected: c.Rejected, Skipped: c.Skipped,
		Retries: c.Retries, Bytes: c.Bytes, CursorFrom: r.CursorFrom, CursorTo: r.CursorTo, Code: r.Code, Error: r.Error, Remedy: r.Remedy, Polls: r.Polls}
	if c.Total >= 0 {
		v.Total = &c.Total
	}
	if r.Summary != "" {
		v.Summary = asJSON(r.Summary)
	}
	return v
}

// runDetail is a run with what happened in it.
type runDetail struct {
	Run    runView     `json:"run"`
	Late   *int64      `json:"late_seconds,omitempty"` // how long after its slot it began
	Range  *unitView   `json:"backfill_unit,omitempty"`
	Repush *repushView `json:"repush,omitempty"`
	Proofs []proofView `json:"receipts,omitempty"`
	Live   *liveRun    `json:"live,omitempty"` // while it runs
	Events []eventView `json:"events"`
}

// unitView is the unit of a backfill that a run moved.
type unitView struct {
	Backfill int64  `json:"backfill"`
	Unit     int64  `json:"unit"`
	Units    int    `json:"units"`
	From     string `json:"from"`
	To       string `json:"to"`
}

// eventView is something that happened in a run.
type eventView struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

func viewEvent(e state.Event) eventView { return eventView{At: e.At, Kind: e.Kind, Text: e.Text} }

// statusView is how everything stands.
type statusView struct {
	At       time.Time `json:"at"`
	State    string    `json:"state_file"`
	Daemon   bool      `json:"daemon_running"`
	PID      int       `json:"daemon_pid,omitempty"`
	Version  string    `json:"daemon_version,omitempty"`
	Since    time.Time `json:"daemon_since,omitzero"`
	Config   string    `json:"configuration"`
	LoadedAt time.Time `json:"configuration_loaded_at,omitzero"`  // when the daemon took it up
	Changed  bool      `json:"configuration_changed,omitempty"`   // the file is another now than the daemon took up
	Problems []string  `json:"configuration_errors,omitempty"`    // of the file as it is now
	Refused  string    `json:"refused_configuration,omitempty"`   // why the daemon did not take the file at the last reload
	RefuseAt time.Time `json:"refused_configuration_at,omitzero"` // when that was
	Jobs     []jobView `json:"jobs"`

	Unopened []state.Unopened `json:"unopened,omitempty"` // addresses that the daemon should open and cannot
}

// jobView is how a job stands.
type jobView struct {
	Job          string             `json:"job"`
	State        string             `json:"state"` // running, disabled, halted, paused, resumed, gone, how the last run ended, or "never ran"
	Reason       string             `json:"reason,omitempty"`
	Remedy       string             `json:"remedy,omitempty"`
	Resume       string             `json:"resume,omitempty"` // what milkrun resume takes to end the halt or pause
	LastRun      *runView           `json:"last_run,omitempty"`
	LastSuccess  time.Time          `json:"last_success,omitzero"` // when the last run ended that was done, or done in part
	NextSlot     time.Time          `json:"next_slot,omitzero"`
	Checkpoint   *feed.Cursor       `json:"checkpoint"` // null: none
	CheckpointAt time.Time          `json:"checkpoint_at,omitzero"`
	FullPass     *feed.Cursor       `json:"full_pass,omitempty"` // of a complete pass that is under way
	LastFull     time.Time          `json:"last_full,omitzero"`
	Lag          *int64             `json:"lag_seconds,omitempty"` // age of what the target has; null: unknown
	LagOf        string             `json:"lag_of,omitempty"`      // what it is the age of: cursor, update (of the checkpoint) or complete pass
	Letters      int64              `json:"open_dead_letters"`
	Doubts       int64              `json:"doubts"`             // batches of which nobody knows whether they were delivered
	Overdue      []standing.Overdue `json:"overdue,omitempty"`  // promises that are broken: done_by, stale_after
	Live         *liveRun           `json:"live,omitempty"`     // the run under way, as the daemon knows it
	Backfill     *backfillView      `json:"backfill,omitempty"` // one with open units
}

// checkView is what milkrun check found.
type checkView struct {
	Usable   bool            `json:"usable"`
	Problems config.Problems `json:"problems"`
	Jobs     []slotsView     `json:"jobs"`
	Notices  []string        `json:"notices,omitempty"` // versions of interfaces that take effect, and the like
}

// slotsView is when a job is due.
type slotsView struct {
	Job      string          `json:"job"`
	Schedule string          `json:"schedule"`
	Zone     string          `json:"timezone"`
	Enabled  bool            `json:"enabled"`
	Held     string          `json:"held,omitempty"` // halted or paused: its slots pass without a run
	Jitter   string          `json:"jitter,omitempty"`
	Next     []standing.Slot `json:"next"`
}

// decisionView is what was decided about a slot, or about a row of like slots.
type decisionView struct {
	Job       string    `json:"job"`
	Slot      time.Time `json:"slot"`
	Through   time.Time `json:"through"` // the last slot of the row
	Count     int64     `json:"count"`
	Decision  string    `json:"decision"` // ran, caught up, coalesced, skipped, paused, halted or missed
	Run       int64     `json:"run,omitempty"`
	DecidedAt time.Time `json:"decided_at"`
	Note      string    `json:"note,omitempty"`
}

func viewDecision(s state.Slot) decisionView {
	return decisionView{Job: s.Job, Slot: s.At, Through: s.Through, Count: s.Count, Decision: s.Decision, Run: s.RunID, DecidedAt: s.DecidedAt, Note: s.Note}
}

// auditView is something an operator did.
type auditView struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
	Name string    `json:"name"` // of the job, or of the connection that was resumed
	Why  string    `json:"why,omitempty"`
}

func viewAudit(o state.Audit) auditView {
	return auditView{At: o.At, Who: o.Who, What: o.What, Name: o.Job, Why: o.Why}
}

// checkpointView is a checkpoint. A null cursor says that there is none.
type checkpointView struct {
	Job       string       `json:"job"`
	Lane      state.Lane   `json:"lane"`
	Version   int64        `json:"version,omitempty"`
	Cursor    *feed.Cursor `json:"cursor"`
	Delivered int64        `json:"delivered"` // records since the lane began
	Run       int64        `json:"run,omitempty"`
	StartedAt time.Time    `json:"started_at,omitzero"`
	UpdatedAt time.Time    `json:"updated_at,omitzero"`
	Who       string       `json:"who,omitempty"`
	Why       string       `json:"why,omitempty"`
}

func viewCheckpoint(c state.Checkpoint) checkpointView {
	return checkpointView{Job: c.Job, Lane: c.Lane, Version: c.Version, Cursor: &c.Cursor, Delivered: c.Rows, Run: c.RunID,
		StartedAt: c.StartedAt, UpdatedAt: c.UpdatedAt, Who: c.Who, Why: c.Why}
}

// changeView is a change to a checkpoint. A null cursor says that there was none.
type changeView struct {
	Version       int64        `json:"version"`
	Lane          state.Lane   `json:"lane"`
	At            time.Time    `json:"at"`
	What          string       `json:"what"` // run, set, reset, undo, import, or end of a complete pass
	From          *feed.Cursor `json:"from"`
	To            *feed.Cursor `json:"to"`
	DeliveredFrom int64        `json:"delivered_from"` // records since the lane began
	DeliveredTo   int64        `json:"delivered_to"`
	Run           int64        `json:"run,omitempty"`
	Who           string       `json:"who,omitempty"`
	Why           string       `json:"why,omitempty"`
}

func viewChange(c state.Change) changeView {
	return changeView{Version: c.Version, Lane: c.Lane, At: c.At, What: c.Op, From: c.From, To: c.To,
		DeliveredFrom: c.RowsFrom, DeliveredTo: c.RowsTo, Run: c.RunID, Who: c.Who, Why: c.Why}
}

// letterView is a dead letter.
type letterView struct {
	ID        int64           `json:"id"`
	Job       string          `json:"job"`
	Run       int64           `json:"run,omitempty"` // that met it last
	State     string          `json:"state"`         // open, delivered or dropped
	Code      string          `json:"code"`
	Reason    string          `json:"reason"`
	Place     feed.Cursor     `json:"place,omitempty"`
	Key       string          `json:"key,omitempty"`
	Record    json.RawMessage `json:"record"` // masked
	At        time.Time       `json:"at"`     // first refused
	Tries     int             `json:"tries"`
	TriedAt   time.Time       `json:"tried_at"`
	LastError string          `json:"last_error,omitempty"`
	SettledAt time.Time       `json:"settled_at,omitzero"`
	Who       string          `json:"who,omitempty"`
	Why       string          `json:"why,omitempty"`
}

func viewLetter(l state.Letter) letterView {
	return letterView{ID: l.ID, Job: l.Job, Run: l.RunID, State: l.State, Code: l.Code, Reason: l.Reason, Place: l.Place, Key: l.Key,
		Record: asJSON(l.Record), At: l.At, Tries: l.Tries, TriedAt: l.TriedAt, LastError: l.LastError, SettledAt: l.SettledAt, Who: l.Who, Why: l.Why}
}

// asJSON is a text that should be JSON, as itself; otherwise as a string.
func asJSON(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil { // no string is beyond it
		return json.RawMessage(strconv.QuoteToASCII(text))
	}
	return quoted
}

// views makes the view of every element of a list.
func views[T, V any](list []T, view func(T) V) []V {
	out := make([]V, len(list))
	for i, one := range list {
		out[i] = view(one)
	}
	return out
}
