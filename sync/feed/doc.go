// Package feed is the vocabulary of milkrun and the contracts between its engine and its partners.
//
// Records travel as a [Batch]: rows against one shared list of [Columns], never as a map a row. A [Page] is what one
// call of a [Source] returns, a batch is what one call of a [Sink] takes; they need not be the same size. A [Cursor]
// says how far a source has been read. Every failure that somebody has to decide about is an [Error] with a [Verdict].
//
// The two contracts have one method each. What a source or sink can do beyond that it says with a further one-method
// interface, which the engine finds by assertion:
//
//	Source: Pager (pages whose cursor is known beforehand), Counter (how much is left), Enumerator (complete each time),
//	        CursorChecker (an operator's cursor), Rereader (a record can be found again), Ranger (a bounded read),
//	        Rewinder (records that show up late)
//	Sink:   Preparer (look at the columns before the first row), Snapshotter (replace everything at once),
//	        Opaque (sending twice is harm), Rationed (only so much, or not now), Ordered and Keyed (a later record must win), Previewer (show the request without sending it)
//
// The package imports the standard library only.
package feed
