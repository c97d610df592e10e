// Package metrics shows to Prometheus what milkrun does, on a registry of its own.
//
//	engine → Observer → counters and histograms ─┐
//	state file ─┬─ read at every scrape ─────────┼→ /metrics
//	daemon ─────┘                                ┘
//
// What happens is counted when the engine tells of it; what stands (dead letters, doubts, halts, pauses, checkpoints) is
// read from the state file at every scrape, so that what an operator changed beside the daemon is seen. A state file that
// cannot be read in time costs its own metrics and nothing else: milkrun_state_read_success is 0 then.
//
// # Labels
//
// The label of a job is job_name and not job: a scrape puts its own job label on everything and would rename ours to
// exported_job. Label values are the words of the state file ("caught up", "done"). The names of jobs and connections
// are those of the configuration: what [Metrics.Configure] takes away disappears, and events about it are not counted.
// The codes are the partners' words, so their form and their number are bounded; see codes.
//
// # Starting over
//
// A counter never goes down, but the counts of a run do, when an enumeration is read from its beginning again. As
// Prometheus does with a counter that was reset, what the run counts after that is added as it stands: the counters say
// what was done, also when it was done twice; what came of it in the end is in the run's own counts. Records that an
// enumeration moves count as delivered at the swap that makes them current.
package metrics
