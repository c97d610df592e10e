// Package schedule says when a job is due.
//
// A schedule is a cron expression of five fields (minute, hour, day of month, month, day of week), one of @yearly,
// @monthly, @weekly, @daily, @hourly and their other names, "@every 90m", or "manual": only by hand. It is evaluated in the job's time zone. The due times are called slots; a slot is always a whole second.
//
// # Every
//
// The slots of "@every 90m" are the multiples of 90 minutes since Monday, 1 January 2001, 00:00 in the job's time zone.
// They do not depend on when the daemon was started, so a restart neither shifts nor repeats one.
//
// # Summer time
//
// A schedule with fixed hours follows the clock on the wall:
//
//   - A slot inside the gap in spring runs right after the gap. When several fall into the gap, or one falls on its end,
//     they are one slot.
//   - A slot inside the repeated hour in autumn runs once, the first time.
//
// So "30 2 * * *" runs every day of the year, exactly once. A schedule whose hour field holds every hour, as in
// "*/10 * * * *", and "@every" follow elapsed time instead: they run through the gap and through both passes of the
// repeated hour without a pause. (Where the clock changes by half an hour, as on Lord Howe Island, "0 * * * *" still
// means full hours on the wall: on those two days two slots are 90 minutes apart.)
//
// The rule is implemented by letting the cron library reckon in wall-clock time, written as if it were UTC, where no day
// is short or long, and by mapping the result to an instant here.
//
// # Refused
//
// What the cron library takes and turns into something else, or panics on, is an error with a remedy: a TZ= prefix,
// expressions that never fire (30 February), an empty text, "@every" below a second, "*-5" (read as "*"), an empty list element, a step
// beyond the end of its range ("*/60").
package schedule
