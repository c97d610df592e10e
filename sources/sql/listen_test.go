package sql

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/sqldb"
)

// TestListen hears what another connection notifies, when it commits and not before, and says so when the server cuts it
// off.
func TestListen(t *testing.T) {
	d := servers.New(t, "postgres")
	set := settings{connection: d.Connect(t), changes: "orders_changed"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	woke, ended := make(chan time.Time, 100), make(chan error, 1)
	go func() { ended <- set.Watch(ctx, func() { woke <- time.Now() }) }()
	hear := func() time.Time {
		t.Helper()
		select {
		case at := <-woke:
			return at
		case err := <-ended:
			t.Fatalf("listening ended: %v", err)
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing is heard")
		}
		return time.Time{}
	}
	hear() // it begins with a look
	for range 5 {
		began := time.Now()
		d.Exec(t, `NOTIFY orders_changed, 'A01'`)
		t.Logf("from commit to waking: %s", hear().Sub(began).Round(10*time.Microsecond))
	}
	d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
		return s.Tx(ctx, func() error {
			if _, err := s.Exec(ctx, "NOTIFY orders_changed"); err != nil {
				return err
			}
			if len(woke) > 0 {
				t.Error("it is told before the commit")
			}
			return nil
		})
	})
	hear()
	d.Exec(t, `NOTIFY another_channel`)
	d.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'milkrun listening' AND datname = current_database()`)
	err := <-ended
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "listen on orders_changed") {
		t.Errorf("cut off: %v", err)
	}
	if len(woke) > 0 {
		t.Error("it wakes for another channel")
	}
	go func() { ended <- set.Watch(ctx, func() { woke <- time.Now() }) }()
	hear()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// TestChangesKey refuses what is no channel, and a database that tells nobody.
func TestChangesKey(t *testing.T) {
	for text, why := range map[string]string{
		"listen:orders_changed": "", "orders_changed": "no change feed", "listen:": "no change feed", `listen:a"b`: "no channel",
		"listen:" + strings.Repeat("x", 64): "no channel", "poll": "no change feed",
	} {
		set := &settings{}
		if err := set.setChanges(text); (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, connect := range map[string]func() kind.Connection{"sqlite": sqldb.NewSQLite, "mysql": sqldb.NewMySQL, "postgres": sqldb.NewPostgres} {
		set := &settings{connection: connect(), table: "orders", cursor: []string{"id"}, changes: "x"}
		problems := set.Validate()
		if bad := len(problems) > 0; bad != (name != "postgres") || bad && !strings.Contains(problems[0].Remedy, "@every 2s") {
			t.Errorf("%s: %+v", name, problems)
		}
	}
	s := New(sqldb.NewPostgres())
	settingtest.Valid(t, s, map[string]any{"table": "orders", "cursor": []any{"id"}, "changes": "listen:orders_changed"})
	if n := s.(kind.Notifier); !n.Notifies() {
		t.Error("it does not listen")
	}
}
