// Package sql is the sink that writes to a table of SQLite, PostgreSQL, MySQL or MariaDB, one row a key.
//
// A batch is one transaction: rows are inserted, or updated where they differ; of several records with one key the last
// counts. A record whose value does not fit its column is rejected, the others are stored.
//
// The table is made on first use, with the key as its primary key. A table that is there must have all columns of the
// feed and a unique constraint on exactly the key columns; it may have more columns that can be left out.
//
// # Generations
//
// A source that is always read as a whole (an enumeration) is staged in TABLE__staging, page by page in the order of
// arrival, and then swapped in by one transaction: readers of the table see the old records or the new ones. What a
// swap changed is kept in TABLE_changes, except for the first one:
//
//	change  <key columns>  column_name  old_value  new_value  changed_at
//
// with one row for each column: of an added record its values, of a changed one those that differ, of a removed one
// what it held.
//
// SQLite is fast in the order of the key and 20 times slower in random order. So the staged rows are appended to a plain
// table, and sorted once: the first generation straight into the table, later ones into a temporary table that is
// compared with the table side by side, so that only what differs is written. In figures, for 1.7 million records in
// random order on one core: see BenchmarkGeneration.
package sql
