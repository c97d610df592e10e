package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"milkrun/sync/audit"
	"milkrun/sync/feed"
)

// Restoration is what an operator wants restored.
type Restoration struct {
	From     string // the backup; its own log may stand beside it
	Who, Why string
	// Opaque are the jobs whose target must get nothing twice, as far as the configuration tells. The files add those
	// that have recorded batches.
	Opaque []string
	Now    func() time.Time // nil is time.Now
}

// Restored is what a restoration came to.
type Restored struct {
	Path        string    // of the state file
	At          time.Time // the latest moment that the backup knows of: what happened later is not known any more
	Aside       []string  // the files that were in place, under the names they have now; none when there were none
	Interrupted []Run     // were under way
	Doubts      int64     // batches that are in doubt now
	Halted      []string  // jobs, so that nothing is sent twice
	Moved       []Moved   // checkpoints that are others than before
}

// Moved is a checkpoint that a restoration changed. A nil cursor: there is, or was, none.
type Moved struct {
	Job     string
	Lane    Lane
	Was, Is *feed.Cursor
}

// CodeRestored is the code of the halts that a restoration sets.
const CodeRestored = "restored"

// Restore puts a backup in the place of the state file at path. It is ErrLocked while a daemon works, and refuses what is
// no whole state file of this milkrun or an older one: ErrCorrupt, ErrForeign, ErrNewer, ErrMissing, ErrNoFile.
//
// The files in place are kept under names of their own, "….replaced-20260301T120000Z". Until the last step the state is
// the old one, and in that step it becomes the new one: however it is cut short, what stands there is one of the two, or
// a state file that [Open] refuses, for which Restore can be called again.
//
// In the restored state runs under way count as interrupted, and every batch that was recorded and not settled is in
// doubt, since it may have left after the backup was made. Jobs whose target must get nothing twice are halted. That it
// was restored, by whom and why, is among the operations.
func Restore(ctx context.Context, path string, o Restoration) (Restored, error) {
	return (&restorer{Restoration: o, step: func(string) {}}).restore(ctx, path)
}

// restorer is one restoration.
type restorer struct {
	Restoration
	path  string // of the state file
	aside string
	done  Restored
	was   standing          // of the file in place, as far as it can be read
	step  func(name string) // of a crash test
}

func (r *restorer) restore(ctx context.Context, path string) (Restored, error) {
	lock, err := TakeLock(path)
	if err != nil {
		return Restored{}, err
	}
	defer lock.Release()
	if r.path, err = resolve(path); err != nil {
		return Restored{}, explain(path, "restoring it", err)
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	r.done.Path = r.path
	r.aside = keptName(r.path, r.Now())
	d, err := newDraft(filepath.Dir(r.path))
	if err != nil {
		return Restored{}, explain(r.path, "restoring it", err)
	}
	err = r.fill(ctx, d)
	if err == nil {
		err = explain(r.path, "restoring it", r.install(d))
	}
	return r.done, errors.Join(err, d.discard())
}

// keptName is the name that a file in place is kept under: that of a moment, or of the first second after it that no earlier
// restoration has taken.
func keptName(path string, at time.Time) string {
	for ; ; at = at.Add(time.Second) {
		name := path + asideMark + at.UTC().Format(backupTime)
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}

// fill makes the draft the state that is to be.
func (r *restorer) fill(ctx context.Context, d *draft) error {
	if err := r.load(ctx, d); err != nil {
		return err
	}
	r.step("copied")
	if now, err := Open(ctx, r.path, Options{ReadOnly: true}); err == nil {
		r.was, err = now.standing(ctx)
		if err = errors.Join(err, now.Close()); err != nil {
			r.was = standing{} // damaged, which may be why another is wanted
		}
	}
	s, err := Open(ctx, d.path(), Options{Now: r.Now})
	if err != nil {
		return err
	}
	err = r.amend(ctx, s)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	r.step("amended")
	return d.file.Sync()
}

// load copies the backup into the draft when it is one.
func (r *restorer) load(ctx context.Context, d *draft) error {
	from, err := existing(r.From)
	if err != nil {
		return r.refuse(explain(r.From, "reading the backup", err))
	}
	if same(from, r.path) {
		return r.refuse(fault(ErrNoFile, from, "reading the backup", errors.New("it is the state file itself")))
	}
	if err := r.inspect(ctx, from); err != nil {
		return r.refuse(explain(from, "reading the backup", ended(ctx, err)))
	}
	c, err := copyInto(ctx, from, d, still(from))
	r.done.At = c.At
	if e, is := errors.AsType[*Error](err); is && e.Path == from {
		return r.refuse(err)
	} else if is {
		e.Remedy = remedy(e.Kind, r.path)
	}
	return renamed(err, d.path(), r.path)
}

func same(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

// refuse gives an error of the backup the remedy that fits it: those of a state file do not.
func (r *restorer) refuse(err error) error {
	e, is := errors.AsType[*Error](err)
	if !is {
		return err
	}
	e.Remedy = "nothing was changed; give a file that milkrun backup wrote"
	switch {
	case errors.Is(e.Kind, ErrMissing):
		e.Kind = fs.ErrNotExist
	case errors.Is(e.Kind, ErrNewer):
		e.Remedy = "nothing was changed; install the milkrun that wrote it, or a newer one"
	case errors.Is(e.Kind, ErrReadOnly), errors.Is(e.Kind, ErrBusy):
		e.Remedy = "nothing was changed; copy the backup with its -wal, if it has one, to a folder of your own"
	case errors.Is(e.Kind, ErrCorrupt):
		e.Remedy = "nothing was changed; give another backup, or salvage a copy of this one with: " +
			`sqlite3 COPY ".recover" | sqlite3 NEW`
	}
	return err
}

// inspect refuses what is damaged or not ours, before anything of it is used.
func (r *restorer) inspect(ctx context.Context, from string) (err error) {
	db := still(from)
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, pragma := range []string{"PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON"} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	s := &Store{path: from, r: db}
	if s.scripts, err = scripts(embedded); err != nil {
		return err
	}
	if err := s.belongs(ctx); err != nil {
		return err
	}
	version, err := userVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case version > len(s.scripts):
		return s.mismatch(version)
	case version < 1:
		return fault(ErrForeign, from, "reading the backup", errors.New("it is empty"))
	}
	if err := familiar(ctx, db, s.scripts[:version]); err != nil {
		return fault(ErrForeign, from, "reading the backup", err)
	}
	return examine(ctx, db, from, false)
}

// standing is what a restoration changes, and what tells whether it does harm.
type standing struct {
	checkpoints []Checkpoint
	opaque      []string
}

func (s *Store) standing(ctx context.Context) (st standing, err error) {
	if st.checkpoints, err = s.Checkpoints(ctx); err != nil {
		return st, err
	}
	st.opaque, err = all(ctx, s.r, scanTo[string], "SELECT DISTINCT job FROM intent ORDER BY job")
	return st, err
}

// amend makes the restored state one to go on with.
func (r *restorer) amend(ctx context.Context, s *Store) (err error) {
	if r.done.Interrupted, err = s.Interrupt(ctx); err != nil {
		return err
	}
	is, err := s.standing(ctx)
	if err != nil {
		return err
	}
	r.done.Moved = moved(r.was.checkpoints, is.checkpoints)
	halts, err := s.Halts(ctx)
	if err != nil {
		return err
	}
	r.done.Halted = slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Opaque, r.was.opaque, is.opaque))))
	return s.write(ctx, "restoring it", func(t *tx) error {
		err := t.exec("UPDATE intent SET state = 'doubt', updated_at = ? WHERE state IN ('recorded', 'sent')", stamp(t.now))
		if err != nil {
			return err
		}
		if r.done.Doubts, _, err = one(t.ctx, t, scanTo[int64], "SELECT count(*) FROM intent WHERE state = 'doubt'"); err != nil {
			return err
		}
		for _, job := range r.done.Halted {
			h := r.halt(job, halts)
			err := t.exec("INSERT OR REPLACE INTO halt (scope, name, at, code, reason, remedy) VALUES (?, ?, ?, ?, ?, ?)",
				h.Scope, h.Name, stamp(t.now), h.Code, h.Reason, h.Remedy)
			if err != nil {
				return err
			}
		}
		err = t.exchanges(s.hot, []audit.Row{{Kind: audit.Restored, At: t.now, Operator: r.Who, Batch: filepath.Base(r.From)}})
		if err != nil {
			return err
		}
		return t.audit(r.Who, "restore "+filepath.Base(r.From), "", r.Why)
	})
}

// halt is the halt of a job that must not go on from an old checkpoint. What it was halted for is kept, but for a doubt, which
// tells of itself as long as it is one.
func (r *restorer) halt(job string, before []Halt) Halt {
	h := Halt{Scope: JobScope, Name: job, Code: CodeRestored,
		Reason: "the state was restored from an older one: what was sent since would be sent twice",
		Remedy: r.remedy(job)}
	if !r.done.At.IsZero() {
		h.Reason = fmt.Sprintf("the state was restored as it was at %v: what was sent since would be sent twice", r.done.At.Format(time.RFC3339))
	}
	for _, old := range before {
		if old.Scope == JobScope && old.Name == job && old.Code != CodeDoubt {
			h.Reason += "; it was halted then already: " + old.Reason
			h.Remedy += "\n" + old.Remedy
		}
	}
	return h
}

// remedy names the place at which the job stood in what is replaced.
func (r *restorer) remedy(job string) string {
	ask, stood, place := "ask the partner", "", "CURSOR"
	if _, err := os.Stat(r.path); err == nil {
		ask = "milkrun runs " + job + " --state " + r.aside + ", or " + ask
	}
	for _, c := range r.was.checkpoints {
		if c.Job == job && c.Lane == Forward {
			stood, place = "it stood there in what was replaced: ", "'"+string(c.Cursor)+"'"
		}
	}
	return fmt.Sprintf("find out what was sent since (%s), move the checkpoint behind it (%smilkrun checkpoint set %s %s --yes --why restored), then resume the job",
		ask, stood, job, place)
}

func moved(was, is []Checkpoint) (list []Moved) {
	type place struct {
		job  string
		lane Lane
	}
	both := map[place]Moved{}
	for _, c := range was {
		both[place{c.Job, c.Lane}] = Moved{Job: c.Job, Lane: c.Lane, Was: &c.Cursor}
	}
	for _, c := range is {
		at := place{c.Job, c.Lane}
		m := both[at]
		if m.Was != nil && *m.Was == c.Cursor {
			delete(both, at)
			continue
		}
		both[at] = Moved{Job: c.Job, Lane: c.Lane, Was: m.Was, Is: &c.Cursor}
	}
	list = slices.Collect(maps.Values(both))
	slices.SortFunc(list, func(a, b Moved) int {
		return strings.Compare(a.Job+" "+string(a.Lane), b.Job+" "+string(b.Lane))
	})
	return list
}
