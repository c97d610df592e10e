package main

import "testing"

// TestReasonIsMasked: what a person gives as a reason is kept without the numbers of others.
func TestReasonIsMasked(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	p.run("pause", "affairs", "--why", "13712345381 asked for it").exits(exitDone)
	p.run("audit").exits(exitDone).says("asked for it").hides("13712345381")
	p.run("status").exits(exitDone).hides("13712345381")
}
