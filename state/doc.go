// Package state keeps what milkrun must not forget, in one SQLite file: how far every job has read, which run did what,
// what was decided about every slot, which records were refused, what is halted or paused and who said so.
//
// The file is in WAL mode with synchronous=FULL: what a method has returned without an error survives a power cut. One
// connection writes, a few read. Everything that belongs together is one immediate transaction; the one that matters
// most is [Store.Advance], which moves a checkpoint together with the dead letters it passes, so that no crash can
// leave one without the other.
//
// The tables are STRICT, their times are RFC 3339 UTC text with milliseconds, and the views v_status, v_runs,
// v_letters, v_slots and v_checkpoints are meant for people with a plain sqlite3 shell; docs/state.md describes them.
// No secret is ever handed to this package, and records arrive masked.
//
// A write is short and happens as a whole or not at all, therefore cancelling its context while it is under way does
// not stop it. A context that is over before is obeyed.
//
// Errors of the file itself are an [*Error] of one of the kinds below (errors.Is finds the kind), with a remedy.
package state
