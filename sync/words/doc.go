// Package words says in Chinese what the program says in English.
//
// Messages are written in English where they arise, and are the keys of a catalogue in gettext's PO format, zh_CN.po,
// which is part of the program. What the catalogue does not know stays English: a text is never lost, nor a value in it.
//
// There are two ways in. [Lang.Sprintf] takes a format and its arguments, as fmt.Sprintf does. [Lang.Text] takes a text
// that is rendered already, as errors and events are that come out of the state file: it finds the formats the text was
// made from, also through the wraps around it ("jinlaiban: batch of 20 records: HTTP 503"), and the catalogue's words
// then replace the program's. Where a text can be read in several ways, the reading wins that explains the most letters.
//
// # Adding a message
//
// Write it in English, then run
//
//	go test ./sync/words -update
//
// which adds what is new to zh_CN.po, with an empty msgstr, and takes out what no source says any more. Fill in the
// empty ones: the same verbs (in another order as %[2]s), and everything a person types or looks up (commands, keys,
// codes, paths, numbers) as it stands. Without -update the tests name what is missing, superfluous or unlike its
// original. A text that differs from an old one by a word is a new text: its translation is written anew.
//
// The tests take every literal of two words or more for a message, unless rules_test.go says what else it is; single
// words (headings, states, units) are named there too. Texts of the standard library and of other libraries that reach a
// person often are listed in testdata/foreign.txt.
package words
