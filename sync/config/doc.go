// Package config reads jobs.toml: strictly, and with every problem found in one go.
//
// A [Problem] has the file, line and column, the key path, what is wrong and what to do. Unknown keys are errors in every
// table. What a connection, a source or a sink takes is not known here: the kinds come in a [Registry], and their keys
// are the same [setting.Field] lists that [Reference] turns into documentation.
//
// Decisions:
//
//   - The time zone is UTC unless the file says otherwise. The machine's own zone is never used: the same file must mean
//     the same slots on every machine, and after somebody has changed the machine.
//   - A key of [defaults] holds for every job that does not set it. retry and mask are merged key by key: a job can add
//     a masked column or change its rule, but cannot forget a column that the defaults mask.
//   - file: paths are relative to the folder of the file that names them, so that the daemon may be started anywhere.
//   - All jobs on a connection share one [kind.Connection], as a source or as a sink, and with it its rate limit.
//   - A value is shown in a problem's source line only when its key is known and holds no secret; everything else is
//     shown as "…". A misspelt key ("pasword") must not print the password.
//   - After a syntax error reading goes on at the next table header. What might be missing only because of the part that
//     could not be read is then not reported.
package config
