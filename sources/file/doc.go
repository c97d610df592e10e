// Package file reads JSON Lines and CSV files as a feed, so that anything can be fed in.
//
// A file is read from where the last run ended, {"line":120,"offset":4096}, so that it may grow by appending. One that
// has become shorter, or in which that place is no longer the beginning of a line, has been replaced: the job halts
// until an operator resets the checkpoint.
//
// JSON Lines: one object a line. Numbers stay exact: whole ones of 64 bits are integers, others keep their digits as
// text; nested values are compact JSON text. CSV: RFC 4180 with a header line; an empty field is NULL, "" is the empty
// text. In both a byte order mark, CRLF and empty lines are passed over. A record that cannot be read is a rejection
// naming its line, and the file goes on behind that line; after a quote that is not closed within 16 MiB, or before the
// file ends, reading goes on with the next line.
//
// A last line without line end may be still being written. It is read when it is a whole JSON object, or when the file
// has been left alone for a minute; until then it waits, with a note, and the page is Done.
//
// With key columns a record can be found again by its key, in one pass over the file; places in the file would not do,
// since a batch does not carry them. Of several records with a key the last one counts.
package file
