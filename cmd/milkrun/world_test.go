package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/sandbox"
)

// world is a whole installation in a folder: the three flows against the stand-ins, a business database, a state file.
type world struct {
	dir   string
	box   *sandbox.Sandbox
	kills int // processes that were killed in it
}

// worldTOML is the three flows with small pages. The retries are quick: the partners fail on purpose.
const worldTOML = `
timezone = "Asia/Shanghai"
[defaults]
retry = { initial = "1ms", max = "10ms", give_up_after = "20s" }
[connections.credit]
type = "credit"
url = "https://credit.invalid"
accessid = "env:X"
username = "env:X"
password = "env:X"
[connections.jinlaiban]
type = "busipush"
url = "https://jlb.invalid"
appcode = "env:X"
modulecode = "env:X"
appsecret = "env:X"
[connections.partner]
type = "exchange"
url = "https://partner.invalid"
token = "env:X"
[connections.business]
type = "sqlite"
dsn = "business.db"
[jobs.grades]
source = { connection = "credit", resource = "grades" }
sink = { connection = "business", table = "enterprise_grades", key = ["uniscId"] }
page_size = 100
batch_size = 300
[jobs.affairs]
source = { connection = "business", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "jinlaiban", resource = "affairs" }
batch_size = 100
[jobs.user-info]
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "partner", resource = "users" }
mask = { phone = "phone", name = "name", id_card = "id_card", email = "email" }
batch_size = 100
reconcile = "7d"
`

func newWorld(t *testing.T, o sandbox.Options, affairs, users int) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), box: sandbox.New(o)}
	w.seed(t, affairs, users)
	return w
}

func (w *world) seed(t *testing.T, affairs, users int) {
	t.Helper()
	db := w.open(t)
	if err := sandbox.SeedBusiness(t.Context(), db, affairs, users); err != nil {
		t.Fatal(err)
	}
}

// open opens the business database for the test's own look at it.
func (w *world) open(t *testing.T) *sql.DB {
	t.Helper()
	return openSQLite(t, filepath.Join(w.dir, "business.db"))
}

func openSQLite(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000&_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func worldConfig(dir string, settings map[string]map[string]string) (*config.Config, error) {
	return parseWorld(worldTOML, dir, settings)
}

func parseWorld(toml, dir string, settings map[string]map[string]string) (*config.Config, error) {
	settings["sqlite"] = map[string]string{"dsn": filepath.Join(dir, "business.db")}
	conf, problems := config.Parse("jobs.toml", []byte(toml), config.Options{Registry: registry(), Overrides: settings, Resolve: true})
	if conf == nil {
		return nil, fmt.Errorf("%v", problems)
	}
	return conf, nil
}

// engine is an engine on the world's state file; network is how it reaches the partners, nil the real loopback.
func worldEngine(ctx context.Context, dir string, network http.RoundTripper, log io.Writer, step func(string) error) (*sync.Engine, func(), error) {
	store, err := state.Open(ctx, filepath.Join(dir, "state.db"), state.Options{Now: time.Now})
	if err != nil {
		return nil, nil, err
	}
	logger := logrus.New()
	logger.SetOutput(log)
	e := sync.New(sync.Options{Store: store, Log: logger, Now: time.Now, Drain: 5 * time.Second, RoundTripper: network, Step: step})
	return e, func() { _ = store.Close() }, nil
}

// run runs a job to its end, in this process and without a network.
func (w *world) run(t *testing.T, job string, log io.Writer) (state.Run, *sync.Engine, error) {
	t.Helper()
	conf, err := worldConfig(w.dir, w.box.Settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conf.Close() }()
	e, done, err := worldEngine(t.Context(), w.dir, sandbox.Transport(w.box), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	r, err := e.Run(t.Context(), conf.Job(job), sync.Start{Trigger: state.Manual})
	return r, e, err
}

func (w *world) mustRun(t *testing.T, job string) state.Run {
	t.Helper()
	r, e, err := w.run(t, job, io.Discard)
	if err != nil {
		events, _ := e.Store.Events(t.Context(), r.ID)
		for _, ev := range events[max(0, len(events)-20):] {
			t.Log(ev.Kind, ev.Text)
		}
		t.Fatalf("%s: %v", job, err)
	}
	return r
}

// checkGrades compares the table with what the credit platform lists.
func (w *world) checkGrades(t *testing.T) {
	t.Helper()
	rows, err := w.open(t).QueryContext(t.Context(), "SELECT uniscId, enterpriseName, assessGrade FROM enterprise_grades")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	table := map[string]string{}
	for rows.Next() {
		var code, name, grade string
		if err := rows.Scan(&code, &name, &grade); err != nil {
			t.Fatal(err)
		}
		table[code] = name + " " + grade
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	missing, wrong := 0, 0
	w.box.Credit.Each(func(code, name, grade string) bool {
		got, ok := table[code]
		if !ok {
			missing++
		} else if got != name+" "+grade {
			wrong++
		}
		delete(table, code)
		return true
	})
	if missing > 0 || wrong > 0 || len(table) > 0 {
		t.Errorf("grades: %d missing, %d wrong, %d too many", missing, wrong, len(table))
	}
}

// checkAffairs says whether the partner holds every affair, and how many came more than once.
func (w *world) checkAffairs(t *testing.T, n int) (duplicates int) {
	t.Helper()
	for id := 1; id <= n; id++ {
		got := w.box.Busipush.Received(fmt.Sprint(id))
		if got == 0 {
			t.Fatalf("affair %d of %d never arrived", id, n)
		}
		duplicates += got - 1
	}
	if got := w.box.Busipush.Records(); got != n {
		t.Errorf("the partner holds %d affairs, want %d", got, n)
	}
	return duplicates
}

func (w *world) checkUsers(t *testing.T, n int) {
	t.Helper()
	if got := w.box.Exchange.Records("users"); got != n {
		t.Errorf("the partner holds %d users, want %d", got, n)
	}
}

func TestMain(m *testing.M) {
	if err := os.Setenv("LC_ALL", "C"); err != nil { // what processes of the tests say does not depend on who runs them
		panic(err)
	}
	if child := os.Getenv(childEnv); child != "" {
		os.Exit(crashChild(child))
	}
	if order := os.Getenv(commandEnv); order != "" {
		commandChild(order)
	}
	os.Exit(m.Run())
}
