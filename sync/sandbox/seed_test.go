package sandbox

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
)

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "business.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestSeedBusiness(t *testing.T) {
	db := openSQLite(t)
	if err := SeedBusiness(t.Context(), db, 1000, 130); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM user_affairs`:                                                            1000,
		`SELECT count(*) FROM user_info`:                                                               130,
		`SELECT count(*) FROM user_affairs WHERE user_name IS NULL`:                                    100,
		`SELECT count(*) FROM user_affairs WHERE user_phone NOT LIKE '1990000____'`:                    0,
		`SELECT count(*) FROM user_affairs LEFT JOIN user_info USING (user_id) WHERE name IS NULL`:     0,
		`SELECT count(*) FROM user_affairs a JOIN user_info u USING (user_id) WHERE user_name <> name`: 0,
		`SELECT count(*) FROM user_info WHERE id_card NOT LIKE '990000____________'
			AND length(id_card) <> 18 OR email NOT LIKE '%@example.com'`: 0,
		`SELECT count(*) FROM user_affairs a JOIN user_affairs b ON b.id = a.id + 1 WHERE b.create_date < a.create_date`:          0,
		`SELECT count(*) FROM pragma_index_list('user_affairs') WHERE name = 'user_affairs_create_date'`:                          1,
		`SELECT count(*) FROM pragma_index_info('user_info_updated_at')`:                                                          2,
		`SELECT count(*) FROM user_info WHERE registered_at > updated_at OR length(updated_at) <> 19 OR preferences = ''`:         0,
		`SELECT count(*) FROM user_affairs WHERE datetime(create_date) IS NOT create_date`:                                        0,
		`SELECT count(*) FROM user_affairs WHERE create_date > '` + time.Now().UTC().Add(8*time.Hour).Format(time.DateTime) + `'`: 0,
	} {
		if got := count(t, db, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

func TestSeedLeavesWhatIsThere(t *testing.T) {
	db := openSQLite(t)
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE user_info (mine TEXT)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := SeedBusiness(t.Context(), db, 70, 70); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, `SELECT count(mine) FROM user_info`); n != 0 {
		t.Errorf("%d rows were put into another's table", n)
	}
	if n := count(t, db, `SELECT count(*) FROM user_affairs`); n != 70 {
		t.Errorf("%d affairs", n)
	}
}

func TestSeedIsWholeOrNothing(t *testing.T) {
	db := openSQLite(t)
	if err := SeedBusiness(t.Context(), db, 0, 0); err != nil {
		t.Fatal(err)
	}
	db = openSQLite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := SeedBusiness(ctx, db, 10, 10)
	if err == nil || !strings.Contains(err.Error(), "user_affairs") {
		t.Errorf("cancelled: %v", err)
	}
	if n := count(t, db, `SELECT count(*) FROM sqlite_master`); n != 0 {
		t.Errorf("%d things are left behind", n)
	}
}

func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		if err := SeedBusiness(b.Context(), openSQLite(b), 200_000, 1000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "affairs/s")
}
