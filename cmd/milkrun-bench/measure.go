package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	stand "milkrun/sync/sandbox"
)

const (
	latency   = 20 * time.Millisecond
	pageSize  = 1000
	batchSize = 2000
	prefetch  = 8
	inFlight  = 4
	fewPages  = 200 // of the loop at latency, and without it to compare
	requests  = 120 // of the latency limit, at most
)

// The names of the measurements.
const (
	loopAll   = "loop"
	loopFew   = "loop, 200 pages"
	loopLate  = "loop, 200 pages, 20 ms"
	loopLimit = "loop, 20 ms (computed)"
	staging   = "durable limit: staging and merge alone"
	firstPull = "milkrun, first pull"
	rePull    = "milkrun, the same again"
	latePull  = "milkrun, first pull, 20 ms"
	smallPull = "milkrun, short first pull"
	largePull = "milkrun, long first pull"
	reading   = "keyset-read limit: reading alone"
	push      = "milkrun, push"
	latePush  = "milkrun, push, 20 ms"
	smallPush = "milkrun, short push"
	postOne   = "encoded requests one by one"
	postLate  = "encoded requests, 4 in flight, 20 ms"
	postLimit = "latency limit (computed)"
)

// experiment is something to measure, in an empty folder and against a sandbox of its own.
type experiment struct {
	name   string
	grades int           // in the sandbox
	late   time.Duration // of every answer
	do     doing
}

type doing func(ctx context.Context, s *sandbox, dir string) (measurement, error)

// experiments stand in an order in which what is compared is measured at about the same time.
func (b *bench) experiments() []experiment {
	all, few, short, long := b.rows, min(b.rows, fewPages*pageSize), b.short(), b.long()
	return []experiment{
		{loopAll, all, 0, b.loop(all)},
		{staging, 1, 0, b.stage},
		{firstPull, all, 0, b.pull(all)},
		{rePull, all, 0, b.again},
		{latePull, all, latency, b.pull(all)},
		{loopLate, all, latency, b.loop(few)},
		{loopFew, all, 0, b.loop(few)},
		{smallPull, short, 0, b.pull(short)},
		{largePull, long, 0, b.pull(long)},
		{reading, 1, 0, b.read},
		{push, 1, 0, b.push(b.affairs)},
		{smallPush, 1, 0, b.push(b.affairs / 10)},
		{latePush, 1, latency, b.push(b.affairs)},
		{postOne, 1, 0, b.post("post")},
		{postLate, 1, latency, b.post("post at once")},
	}
}

func (b *bench) short() int { return b.rows / 17 }
func (b *bench) long() int  { return b.rows * 3 }

// round holds what was measured at about the same time, by name.
type round map[string]measurement

// measure does the experiments with these names, b.runs times over; the two longest once.
func (b *bench) measure(ctx context.Context, names map[string]bool) error {
	for i := range b.runs {
		r := round{}
		for _, e := range b.experiments() {
			if !names[e.name] {
				continue
			}
			if i > 0 && (e.name == loopAll || e.name == largePull) {
				r[e.name] = b.rounds[0][e.name]
				continue
			}
			m, err := b.try(ctx, e)
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			fmt.Fprintf(os.Stderr, "run %d of %d: %s: %s rows/s\n", i+1, b.runs, e.name, grouped(m.rate()))
			r[e.name] = m
		}
		r.compute(names)
		b.rounds = append(b.rounds, r)
	}
	return nil
}

// compute adds what follows from other measurements.
//
// To the time of the whole loop is added what latency costs a page, as seen on the first pages: the loop waits for every
// page by itself, so the cost is the same for all of them. The latency limit is four requests' rows in the latency and
// the time that an encoded request takes without it.
func (r round) compute(names map[string]bool) {
	if names[loopLimit] {
		whole, few := r[loopAll], r[loopFew]
		perRow := (r[loopLate].wall - few.wall).Seconds() / float64(few.rows)
		wall := whole.wall + time.Duration(perRow*float64(whole.rows)*float64(time.Second))
		r[loopLimit] = measurement{rows: whole.rows, wall: wall, bare: true}
	}
	if names[postLimit] {
		r[postLimit] = measurement{rows: inFlight * batchSize, wall: latency + r[postOne].wall*batchSize/time.Duration(r[postOne].rows), bare: true}
	}
}

// needs are the names of what has to be measured for a name.
func needs(name string) []string {
	switch name {
	case loopLimit:
		return []string{name, loopAll, loopFew, loopLate}
	case postLimit:
		return []string{name, postOne, postLate} // the second to stand beside the limit in the table
	}
	return []string{name}
}

func (b *bench) try(ctx context.Context, e experiment) (m measurement, err error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := b.serve(ctx, e.grades, e.late)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return e.do(ctx, s, dir)
}

func (b *bench) loop(rows int) doing {
	return func(ctx context.Context, s *sandbox, dir string) (measurement, error) {
		return self(ctx, rows, "loop", s.url+"/credit", filepath.Join(dir, "grades.db"))
	}
}

func (b *bench) stage(ctx context.Context, _ *sandbox, dir string) (measurement, error) {
	return self(ctx, b.rows, "stage", "", filepath.Join(dir, "grades.db"))
}

func (b *bench) read(ctx context.Context, _ *sandbox, _ string) (measurement, error) {
	business, err := b.business(ctx, b.affairs)
	if err != nil {
		return measurement{}, err
	}
	return self(ctx, b.affairs, "read", "", business)
}

func (b *bench) post(what string) doing {
	return func(ctx context.Context, s *sandbox, _ string) (measurement, error) {
		n := min(requests, max(inFlight, b.affairs/batchSize))
		m, err := self(ctx, n, what, s.url+"/busipush", "")
		m.rows = n * batchSize
		return m, err
	}
}

func (b *bench) pull(rows int) doing {
	return func(ctx context.Context, s *sandbox, dir string) (measurement, error) {
		file := filepath.Join(dir, "grades.db")
		m, err := b.once(ctx, s, dir, file, "grades", rows)
		if err == nil {
			err = count(ctx, file, "enterprise_grades", rows)
		}
		return m, err
	}
}

func (b *bench) again(ctx context.Context, s *sandbox, dir string) (measurement, error) {
	if m, err := b.pull(b.rows)(ctx, s, dir); err != nil {
		return m, err
	}
	return b.pull(b.rows)(ctx, s, dir)
}

func (b *bench) push(affairs int) doing {
	return func(ctx context.Context, s *sandbox, dir string) (measurement, error) {
		business, err := b.business(ctx, affairs)
		if err != nil {
			return measurement{}, err
		}
		m, err := b.once(ctx, s, dir, business, "affairs", affairs)
		if err != nil {
			return m, err
		}
		return m, s.tells(ctx, fmt.Sprintf("%d ids held", affairs))
	}
}

// business makes a database with so many affairs, once.
func (b *bench) business(ctx context.Context, affairs int) (string, error) {
	file := filepath.Join(b.dir, strconv.Itoa(affairs)+"-affairs.db")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	_, err := self(ctx, affairs, "seed", "", file)
	return file, err
}

// once runs one job of milkrun in the foreground, as an operator would, and checks that everything was delivered.
func (b *bench) once(ctx context.Context, s *sandbox, dir, database, job string, rows int) (measurement, error) {
	conf := filepath.Join(dir, "jobs.toml")
	if err := os.WriteFile(conf, []byte(jobs(s.url, database)), 0o600); err != nil {
		return measurement{}, err
	}
	m, out, err := process(ctx, b.milkrun, "once", job, "--config", conf, "--state", filepath.Join(dir, "state.db"))
	m.rows = rows
	if want := grouped(float64(rows)) + " delivered, 0 rejected, 0 retries"; err == nil && !strings.Contains(out, want) {
		err = fmt.Errorf("milkrun should have %s, and says\n%s", want, out)
	}
	return m, err
}

// jobs is a configuration without a rate limit, and with the defaults for everything that is not fixed here.
func jobs(url, database string) string {
	b := new(strings.Builder)
	b.WriteString("timezone = \"Asia/Shanghai\"\n")
	connections := stand.New(stand.Options{}).Settings()
	connections["sqlite"] = map[string]string{"dsn": database}
	for _, kind := range []string{"credit", "busipush", "sqlite"} {
		fmt.Fprintf(b, "[connections.%s]\ntype = %q\n", kind, kind)
		for key, value := range connections[kind] {
			if !strings.Contains(key, ".") { // the envelope and the account are for those who have them
				fmt.Fprintf(b, "%s = %q\n", key, strings.Replace(value, "http://127.0.0.1", url, 1))
			}
		}
	}
	fmt.Fprintf(b, `
[jobs.grades]
schedule = "30 1 * * *"
source = { connection = "credit", resource = "grades" }
sink = { connection = "sqlite", table = "enterprise_grades", key = ["uniscId"] }
page_size = %d
prefetch = %d

[jobs.affairs]
schedule = "*/10 * * * *"
source = { connection = "sqlite", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "busipush", resource = "affairs" }
batch_size = %d
concurrency = %d
`, pageSize, prefetch, batchSize, inFlight)
	return b.String()
}
