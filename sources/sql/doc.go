// Package sql is the source that reads a table or query of SQLite, PostgreSQL, MySQL or MariaDB.
//
// Rows are read in the order of the cursor columns, each page behind the last row of the page before (keyset paging).
// The cursor columns must tell the rows apart and never be NULL: a tie across the border of two pages would hide a
// row, and no comparison finds a NULL; both halt the job with what to do. A row that is committed with a tuple that the
// cursor has passed is found again only with lookback.
//
// # Cursor
//
// The JSON array of the last row's values, ["2024-01-31 10:00:00",17]: behind that row. {"from":["2024-01-31"]} stands
// before the first row that is not smaller; it may name fewer columns than there are.
//
// Numbers are exact to 64 bits; decimals and times are text. A time with a zone is written in UTC, one without is the
// wall clock as it stands in the table, whatever zone the job is in.
package sql
