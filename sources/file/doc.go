// Package file reads JSON Lines and CSV files as a feed, so that anything can be fed in.
//
// A file is read from where the last run ended, {"line":120,"offset":4096}, so that it may grow by appending. One that
// has become shorter, or in which that place is no longer the beginning of a line, has been replaced: the job halts
// until an operator resets the checkpoint.
//
// JSON Lines: one object a line. Numbers stay exact: whole ones of 64 bits are integers, others keep their digits as
// text; nested values are compact JSON text. CSV: RFC 4180 with a header line; an empty field is NULL, "" is the empty
// text. In both a byte order mark, CRLF and empty lines are passed over. A record that cannot be read is a rejection
// naming its line, and the file goes on behind that line. A quote that is not closed (before the file ends, within
// 16 MiB, or so that its record has the fields of the header) must not swallow the lines behind it: only the line in
// which its record begins is given up, and reading goes on with the next one.
//
// Somebody may be still writing. A last line without line end is read when it is a whole JSON object, or a CSV record
// with all fields in a file that has been left alone for a minute; otherwise it waits, with a note, and is read again
// every time. A CSV field that is still open at the end of the file is tried again until the file has been left alone for
// a minute; the lines before it have been delivered then.
//
// With key columns a record can be found again by its key, in one pass over the file; places in the file would not do,
// since a batch does not carry them. Of several records with a key the last one counts.
package file
