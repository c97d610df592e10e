// Package credit reads 商务诚信公共服务平台 (draft of DB14/T 2831—2023): the grades of all enterprises page by page
// (getEnterpriseGrades), those of some one by one (getEnterpriseGrade), and the public resources trading records of some
// (getPublicResourcesTrading).
//
// The document demands encryption and names a public key, a token and a change of the password, and describes none of them. The
// tables account and envelope of the connection say how the platform at hand has it; without them requests travel as the
// document's samples do, through code that knows nothing of all this (Connection.plain).
//
// What is asked for by code is a list in memory, sorted, each code once: so a code is a cursor that stays right while others
// come and go, a place in the list is a position, and the engine can swap a whole reading in. Trading records have no
// positions (an enterprise has any number of them): that source is a kind.Whole instead, and a Rereader, so that a record which is
// refused every night stays one dead letter.
//
// A message that cannot be proved is an error that is tried again, which is how the page is pulled a second time, with an
// event and a row in the audit; of the same request the second time in a row it halts the connection.
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
