package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
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

// report measures the chosen lines and prints them with everything that was measured for them.
func (b *bench) report(ctx context.Context, only string) error {
	begin, machine := time.Now(), machine()
	var table strings.Builder
	var errs []error
	for _, l := range b.lines() {
		if !strings.Contains(l.name, only) {
			continue
		}
		row, err := b.row(ctx, l)
		errs = append(errs, err)
		table.WriteString(row)
	}
	fmt.Printf("%s; median of %d runs; measured in %s\n\n", machine, b.runs, time.Since(begin).Round(time.Second))
	fmt.Printf("| line | what | target | measured | | from |\n|---|---|---:|---:|---|---:|\n%s\n", table.String())
	fmt.Printf("| measurement | rows | s | rows/s | CPU µs a row | peak MiB |\n|---|---:|---:|---:|---:|---:|\n")
	for _, name := range b.order {
		m, cpu, peak := b.done[name], "", ""
		if !m.bare {
			cpu, peak = fmt.Sprintf("%.2f", m.cpuPerRow()), fmt.Sprintf("%.0f", m.mebi())
		}
		fmt.Printf("| %s | %s | %.3f | %s | %s | %s |\n", name, grouped(float64(m.rows)), m.wall.Seconds(), grouped(m.rate()), cpu, peak)
	}
	return errors.Join(errs...)
}

// row measures one line.
func (b *bench) row(ctx context.Context, l line) (string, error) {
	m, err := b.get(ctx, l.a)
	got, from := l.of(m), ""
	if l.b != "" && err == nil {
		m, err = b.get(ctx, l.b)
		from = figure(got) + " ÷ " + figure(l.of(m))
		got /= l.of(m)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", l.name, err)
	}
	bound, verdict := "≥", "ok"
	if l.atMost {
		bound = "≤"
	}
	if l.atMost && got > l.target || !l.atMost && got < l.target {
		verdict = "short"
	}
	return fmt.Sprintf("| %s | %s | %s %v | %.3g | %s | %s |\n", l.name, l.what, bound, l.target, got, verdict, from), nil
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
