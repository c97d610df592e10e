package state

import "testing"

func TestPausedConnections(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.SetHalt(ctx, Halt{Scope: ConnectionScope, Name: "coupang", Code: "HTTP 404", Reason: "wrong path"}))
	ok(t, s.PauseConnection(ctx, "coupang", "operator", "the key may have leaked"))
	ok(t, s.PauseConnection(ctx, "coupang", "colleague", "again"))
	ok(t, s.PauseConnection(ctx, "other", "operator", ""))
	list := must[[]Halt](t)(s.Halts(ctx))
	if len(list) != 3 || list[0].Who != "" || list[0].Code != "HTTP 404" || list[1].Who != "operator" || list[1].Reason != "paused by operator: the key may have leaked" ||
		list[2].Reason != "paused by operator" || list[1].Scope != ConnectionScope || list[1].At.IsZero() || list[1].Remedy == "" {
		t.Errorf("halts %+v", list)
	}
	if h, paused, err := s.PausedConnection(ctx, "coupang"); !paused || err != nil || h.Name != "coupang" {
		t.Errorf("%+v %v %v", h, paused, err)
	}
	for _, want := range []bool{true, false} {
		if got := must[bool](t)(s.UnpauseConnection(ctx, "coupang", "operator", "renewed")); got != want {
			t.Errorf("ended %v, want %v", got, want)
		}
	}
	ok(t, s.Wire(ctx, []Wiring{{Job: "orders", Source: "other", Sink: "business"}}))
	type row struct{ state, reason string }
	stands, _, err := one(ctx, s.r, func(r scanner) (v row, err error) {
		err = r.Scan(&v.state, &v.reason)
		return v, err
	}, "SELECT state, reason FROM v_status WHERE job = 'orders'")
	if err != nil || stands != (row{"paused", "connection other: "}) {
		t.Errorf("v_status says %+v, %v", stands, err)
	}
	if _, paused, _ := s.PausedConnection(ctx, "coupang"); paused {
		t.Error("still paused")
	}
	if _, halted, _ := s.HaltOf(ctx, ConnectionScope, "coupang"); !halted {
		t.Error("the engine's halt ended with the pause")
	}
	if did := must[[]Audit](t)(s.Operations(ctx, 0)); len(did) != 3 || did[0].What != "unpause connection" || did[2].What != "pause connection" || did[0].Why != "renewed" {
		t.Errorf("operations %+v", did)
	}
}
