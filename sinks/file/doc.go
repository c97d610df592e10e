// Package file writes records to JSON Lines and CSV files, so that anything can be looked at. The files are those that
// the file source reads.
//
// A file is appended to, one line a record, and synced before a batch counts as delivered. It belongs to the sink: a torn
// last line, left by a crash, is cut off; only a CSV file that ends within quotes over several lines is left to a person,
// for it may as well be one that somebody edited. Of several lines with a key the last one counts; without key columns
// the whole record is its key.
//
// A crash between the sync and the checkpoint makes the engine deliver records again. They are recognised without a file
// of their own beside the data: a record equal to the last line with its key, among the last 131072 lines, is not written
// again. Comparing records rather than batches also holds when they come cut into other batches.
//
// A complete enumeration is staged in PATH.partial, which is renamed to PATH when it is whole. An interrupted one starts
// over, for a file says nothing about the positions of its lines. What a swap inserts, updates and deletes is found by
// reading both files, a million keys at a time.
//
// Values: bytes are base64, times RFC 3339, dates 2006-01-02, decimals text. In CSV NULL is an empty field and the empty
// text is "" (in a file of one column NULL is "" too, since an empty line is none).
package file
