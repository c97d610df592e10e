// Package feedtest is the conformance suites that every source and every sink passes: what package feed promises to the
// engine, tried on the real thing, offline and without a flag.
//
//	func TestConformance(t *testing.T) {
//		feedtest.Source(t, feedtest.SourceCase{Open: open, Want: records, Limit: 1000})
//	}
//
// Each promise is one subtest, named after it. Abilities (feed.Pager, feed.Snapshotter …) are found by assertion, as the
// engine finds them: a source that has one is held to it.
package feedtest
