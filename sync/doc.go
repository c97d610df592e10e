// Package sync is milkrun's engine: it decides which slot of a job runs, moves the records of a run from its source to
// its sink, and remembers in the state file how far it came.
//
//	schedule → slot → run → source pages → checks and masks → sink batches → checkpoint
//
// # Invariants
//
//  1. A checkpoint never passes a record that is neither delivered nor in the dead-letter table. (watermark.go)
//  2. Rows are durable before the checkpoint that covers them. (flow.go: a batch is settled after Deliver returned)
//  3. An opaque batch is recorded before it is sent, and keeps its id until settled. (opaque.go)
//  4. A cursor that does not move halts the job. (read.go)
//  5. One daemon per state file (state.TakeLock), one run per job at a time. (engine.go)
//  6. Every due slot gets exactly one recorded decision. (slots.go, state.Decide)
//  7. Deletes follow only from a complete enumeration, and never past the shrink guard. (enumerate.go, drift.go)
//  8. No secret and no unmasked personal field that the config masks reaches a log, the state file or a dead letter.
//     (letters.go)
//
// # Two ways to move records
//
// A stream (flow.go) delivers pages in batches, several in flight, and saves the checkpoint behind the lowest batch that
// is settled. An enumeration (enumerate.go) is the same flow into a staging area that replaces the target's content in
// one step at the end; because rows move while its pages are read, it is checked and mended first (drift.go).
//
// # Draining
//
// A run has two contexts. The soft one ends when the daemon is asked to stop, at the job's timeout, or when its
// connection is halted: no new page is read, no new batch is begun, no backoff is waited for. The hard one ends a while
// later and cuts off deliveries that are still under way. What is settled by then is in the checkpoint.
//
// # Why the engine uses *state.Store and no interface
//
// There is one state file format, tests use a real one in a temporary folder, and an interface of twenty methods with
// one implementation would only stand between the reader and the code.
package sync
