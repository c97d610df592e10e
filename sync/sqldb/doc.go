// Package sqldb is what the SQL source and the SQL sink share: the connection types sqlite, postgres and mysql, the few
// places where their SQL differs ([Dialect]), column types, and the way of values in and out.
//
// It is the one home of the database drivers. Statements and rows go to the driver itself, past database/sql: the pool
// is database/sql's, but its reflection per value would cost more than SQLite's own work.
//
// # Values
//
// A value is read as it stands in the table. Text and numbers of SQLite are never turned into times, whatever the
// column is declared as: SQLite keeps no times, and what looks like one need not be one. PostgreSQL and MySQL times
// become time.Time; one without a zone is the wall clock of the job's zone. Decimals become text with all digits. A
// value that cannot be told (invalid UTF-8, a date 0000-00-00, infinity) is a [ValueError] of its row.
//
// On the way in a value is fitted to the column it goes to, or refused with a [ValueError] that names the column and
// not the value. Nothing is cut, rounded to fewer digits, or stored as a zero date.
package sqldb
