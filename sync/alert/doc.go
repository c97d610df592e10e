// Package alert tells people what is wrong: a job failed, a job or connection is halted, a slot is late, nothing has
// succeeded for too long, and that it is over.
//
//	state → World → look → decide (with the ledger) → Message → one courier a channel
//
// # It looks, it is not told
//
// A [Desk] looks at the state twice a minute, and at once when it is woken. It works out what is wrong now and compares
// that with what it has said already. Nothing that happens in the engine has to reach it: it never holds up a run, an
// event cannot be lost in a queue, a kill between a failure and its alert only delays the alert, and what goes wrong
// because nothing runs at all (late, stale) needs no mechanism of its own. [Desk.Wake] only makes it quicker.
//
// # When something is said
//
// Trouble is known by its kind and subject. It has occurrences: each failed run, each halt, each missed deadline, each
// last success that grew too old. An occurrence is announced once, and never sooner than the cool-down after the last
// alert of the same kind and subject; what comes in between is counted and announced when the cool-down is over, if it
// is still wrong then. A recovery is sent once for trouble that was announced, and only to channels that take its kind.
// What was not announced ends in silence.
//
// The ledger behind this is the [Memory], in the state file: a restart neither repeats nor forgets. Something counts as
// announced when the first channel has taken it. Killed between the two, the daemon says it again: the webhook's events
// carry an id for that.
//
// An operator's pause silences "late", not "stale": a pause that was forgotten is what "stale" is there to find.
//
// # Channels that do not work
//
// Each channel has a courier with a bounded queue. A failure that may pass is tried again with growing waits for ten
// minutes, any other is given up. When no channel has taken an event, it is composed anew and sent again ten minutes
// later, as long as it is true. A channel that fails is logged once, and once more when it works again.
//
// What is wrong at the same moment travels as one message: when a connection breaks, thirty jobs do not ring thirty times,
// and a robot that takes twenty messages a minute takes them.
package alert
