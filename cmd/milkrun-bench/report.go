package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// line compares two measurements in one quantity with a target. Without a second one the first stands alone.
type line struct {
	name, what string
	target     float64
	atMost     bool // the target is an upper bound
	of         func(measurement) float64
	a, b       string
}

func (b *bench) lines() []line {
	rate, cpu, peak := measurement.rate, measurement.cpuPerRow, measurement.mebi
	return []line{
		{"pull-loop", "first pull ÷ loop, rows/s", 4, false, rate, firstPull, loopAll},
		{"pull-limit", "first pull ÷ durable limit, rows/s", 0.7, false, rate, firstPull, staging},
		{"pull-again", "re-pull ÷ first pull, rows/s", 1, false, rate, rePull, firstPull},
		{"pull-latency", "first pull ÷ loop, both at 20 ms, rows/s", 6, false, rate, latePull, loopLimit},
		{"push-limit", "push ÷ keyset-read limit, rows/s", 0.45, false, rate, push, reading},
		{"push-latency", "push at 20 ms ÷ latency limit, rows/s", 0.85, false, rate, latePush, postLimit},
		{"pull-cpu", thousands(b.long()) + " ÷ " + thousands(b.short()) + " rows pulled, CPU µs a row", 1.3, true, cpu, largePull, smallPull},
		{"pull-memory", "first pull, peak MiB", 128, true, peak, firstPull, ""},
		{"pull-memory-growth", thousands(b.long()) + " ÷ " + thousands(b.rows) + " rows pulled, peak MiB", 1.1, true, peak, largePull, firstPull},
		{"push-memory", "push, peak MiB", 64, true, peak, push, ""},
		{"push-memory-growth", thousands(b.affairs) + " ÷ " + thousands(b.affairs/10) + " rows pushed, peak MiB", 1.25, true, peak, push, smallPush},
	}
}

// report measures what the chosen lines need, and prints the lines and all measurements.
func (b *bench) report(ctx context.Context, only string) error {
	begin, machine := time.Now(), machine()
	lines := slices.DeleteFunc(b.lines(), func(l line) bool { return !strings.Contains(l.name, only) })
	names := map[string]bool{}
	for _, l := range lines {
		for _, name := range append(needs(l.a), needs(l.b)...) {
			names[name] = true
		}
	}
	if err := b.measure(ctx, names); err != nil {
		return err
	}
	fmt.Printf("%s; median of %d runs; measured in %s\n\n", machine, b.runs, time.Since(begin).Round(time.Second))
	fmt.Printf("| line | what | target | measured | | from |\n|---|---|---:|---:|---|---:|\n")
	for _, l := range lines {
		fmt.Println(b.row(l))
	}
	fmt.Printf("\n| measurement | rows | s | rows/s | CPU µs a row | peak MiB |\n|---|---:|---:|---:|---:|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(b.rounds[0])) {
		fmt.Println(b.figures(name))
	}
	return nil
}

// row is the median of a line's ratios, each of two measurements of the same round.
func (b *bench) row(l line) string {
	type pair struct{ a, b, ratio float64 }
	var all []pair
	for _, r := range b.rounds {
		p := pair{a: l.of(r[l.a])}
		if p.ratio = p.a; l.b != "" {
			p.b = l.of(r[l.b])
			p.ratio /= p.b
		}
		all = append(all, p)
	}
	p := median(all, func(p pair) float64 { return p.ratio })
	bound, verdict, from := "≥", "ok", ""
	if l.atMost {
		bound = "≤"
	}
	if l.atMost && p.ratio > l.target || !l.atMost && p.ratio < l.target {
		verdict = "short"
	}
	if l.b != "" {
		from = figure(p.a) + " ÷ " + figure(p.b)
	}
	return fmt.Sprintf("| %s | %s | %s %v | %.3g | %s | %s |", l.name, l.what, bound, l.target, p.ratio, verdict, from)
}

// figures are those of the run in the middle.
func (b *bench) figures(name string) string {
	var all []measurement
	for _, r := range b.rounds {
		all = append(all, r[name])
	}
	m, cpu, peak := median(all, measurement.rate), "", ""
	if !m.bare {
		cpu, peak = fmt.Sprintf("%.2f", m.cpuPerRow()), fmt.Sprintf("%.0f", m.mebi())
	}
	return fmt.Sprintf("| %s | %s | %.3f | %s | %s | %s |", name, grouped(float64(m.rows)), m.wall.Seconds(), grouped(m.rate()), cpu, peak)
}

func median[T any](all []T, by func(T) float64) T {
	slices.SortFunc(all, func(x, y T) int { return cmp.Compare(by(x), by(y)) })
	return all[len(all)/2]
}

// figure writes large numbers without a fraction.
func figure(f float64) string {
	if f >= 1000 {
		return grouped(f)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// machine says what the figures were measured on, and whether it was busy with something else.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	info, _ := os.ReadFile("/proc/cpuinfo") // where there is none, less is said
	if _, model, ok := bytes.Cut(info, []byte("model name\t: ")); ok {
		model, _, _ = bytes.Cut(model, []byte("\n"))
		text += " (" + string(model) + ")"
	}
	text += ", " + runtime.Version()
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		text += ", load before " + strings.Fields(string(load) + " ?")[0]
	}
	return text
}

// grouped writes 1700000 as 1,700,000.
func grouped(f float64) string {
	digits := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func thousands(n int) string { return grouped(float64(n)/1000) + " k" }
