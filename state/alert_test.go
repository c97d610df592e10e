package state

import (
	"reflect"
	"testing"
	"time"

	"milkrun/sync/alert"
)

func TestAlerts(t *testing.T) {
	s := newStore(t)
	e := alert.Entry{Subject: alert.Subject{Kind: alert.Failed, Scope: alert.JobScope, Name: "grades"}, Open: true,
		Since: time.Date(2026, 3, 2, 1, 31, 0, 0, time.UTC), Occurrence: "run 812", Count: 3}
	for range 2 {
		if err := s.SaveAlert(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Alerts(t.Context()); err != nil || !reflect.DeepEqual(got, []alert.Entry{e}) {
			t.Errorf("%+v, %v", got, err)
		}
		e.Announced, e.SentAt, e.Open = "run 812", e.Since.Add(time.Hour), false
	}
	if err := s.ForgetAlert(t.Context(), e.Subject); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Alerts(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
