package feedtest

import "testing"

func TestGoodSink(t *testing.T) { Sink(t, sinkCase("", false)) }

func TestGoodOpaqueSink(t *testing.T) { Sink(t, sinkCase("", true)) }

func TestBrokenSinks(t *testing.T) {
	testBroken(t, []breakage{
		{"appends always", "delivered twice"},
		{"knows its own rows only", "delivered twice"},
		{"knows its own rows only", "delivered in other batches"},
		{"takes the record for its key", "changed records"},
		{"keeps the batch", "delivers"},
		{"keeps the batch", "concurrently"},
		{"refuses empty batches", "empty batch"},
		{"wrong index", "bad rows"},
		{"no code", "bad rows"},
		{"password in the reason", "bad rows"},
		{"stops at a bad row", "bad rows"},
		{"modifies the batch", "batch is the caller's"},
		{"ignores the context", "cancelled"},
		{"hides the context's error", "cancelled midway"},
		{"takes an error for success", "faults"},
		{"says the password", "faults"},
		{"does without a key", "missing column"},
		{"retries a missing column", "missing column"},
		{"sends a preview", "preview"},
		{"shows the password", "preview"},
		{"shows staged rows", "snapshot replaces"},
		{"never deletes", "snapshot replaces"},
		{"counts updates as inserts", "snapshot replaces"},
		{"shrinks", "snapshot shrinks"},
		{"counts rows for keys", "snapshot counts"},
		{"swaps on close", "snapshot abandoned"},
		{"begins with leftovers", "snapshot abandoned"},
		{"resumes nothing", "snapshot resumed"},
		{"does not cut back", "snapshot resumed"},
		{"stages and spoils", "snapshot batch is the caller's"},
		{"finds no duplicates", "repairer finds rows read twice"},
		{"forgets what was seen", "repairer forgets"},
		{"keeps marks", "repairer forgets"},
		{"adds at a position", "repairer adds"},
		{"keeps without being asked", "keeper keeps"},
		{"counts the keys it was asked for", "keeper keeps"},
	}, checksOf(func(name string) bool { return name != "checks alike" }), func(broken string) *SinkCase { c := sinkCase(broken, false); return &c })
}

// checksOf are the checks with certain names.
func checksOf(which func(name string) bool) (list []check[SinkCase]) {
	for _, c := range sinkChecks() {
		if which(c.name) {
			list = append(list, c)
		}
	}
	return list
}

func TestBrokenOpaqueSinks(t *testing.T) {
	testBroken(t, []breakage{
		{"sends when it checks", "checks alike"},
		{"promises too much", "faults"},
		{"ignores the context", "cancelled"},
		{"takes an error for success", "faults"},
	}, checksOf(func(name string) bool { return name == "checks alike" || name == "faults" || name == "cancelled" }),
		func(broken string) *SinkCase { c := sinkCase(broken, true); return &c })
}
