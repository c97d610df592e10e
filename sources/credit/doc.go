// Package credit reads the enterprise grades of 商务诚信公共服务平台 (draft of DB14/T 2831—2023): operation
// getEnterpriseGrades, page by page.
//
// The pages are decoded by hand, in one pass, straight into a [feed.Batch]: a full read is 1,700 pages, and decoding them
// with encoding/json would cost more than everything else. The decoder is strict: it takes what encoding/json takes
// (a fuzz test compares the two) except that an answer nested deeper than any page needs, or one in which a name that
// matters stands twice, is refused. An answer that is no page is refused whole. A record whose values are wrong is
// rejected alone.
//
// A code that stands twice is returned twice: the engine counts different codes against the platform's total, and has to
// see both places to mend an enumeration whose rows moved.
//
// What the document leaves open and this package takes: fields inside data or beside it (E1), numbers as texts, spaces,
// curly quotes and full-width letters around codes and grades.
package credit
