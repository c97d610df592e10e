// Package sql is the sink that writes to a table of SQLite, PostgreSQL, MySQL or MariaDB, one row a key.
//
// A batch is one transaction: rows are inserted, or updated where they differ; of several records with one key the last
// counts. A record whose value does not fit its column is rejected, the others are stored.
//
// The table is made on first use, with the key as its primary key. A table that is there must have all columns of the
// feed and a unique constraint on exactly the key columns; it may have more columns that can be left out. A key column by
// whose collation different texts are one halts the job before anything is written; where only spaces at the end make no
// difference, records whose key ends with one are rejected.
//
// # Generations
//
// A source that is always read as a whole (an enumeration) is staged in TABLE__staging_JOB, page by page in the order of
// arrival, and then swapped in by one transaction: readers of the table see the old records or the new ones, and nobody
// else writes to it meanwhile. Of a key that is listed twice the row read last counts; a record that the table cannot hold
// is rejected, and its current row can be kept. A constraint that refuses the new generation halts the job, and the old
// one stays. What a swap changed is kept in TABLE_changes, except for the first one:
//
//	change  <key columns>  column_name  old_value  new_value  changed_at
//
// with one row for each column: of an added record its values, of a changed one those that differ, of a removed one
// what it held.
//
// SQLite is fast in the order of the key and 20 times slower in random order. So the staged rows are appended to a plain
// table, and sorted once: the first generation straight into the table, later ones into a temporary table that is
// compared with the table side by side, so that only what differs is written. To group the staged rows and look each up in
// the table instead, without the temporary table, costs the same where nothing is gone and a third more where something
// is: what is gone then needs a sort of its own. For figures see BenchmarkGeneration.
package sql
