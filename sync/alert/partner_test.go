package alert

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/schedule"
)

// shelf keeps incidents.
type shelf struct {
	mu   sync.Mutex
	list []Incident
}

func (s *shelf) OpenIncidents(context.Context) (open []Incident, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.list {
		if i.EndedAt.IsZero() {
			open = append(open, i)
		}
	}
	return open, nil
}

func (s *shelf) SaveIncident(_ context.Context, i Incident) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.ID == 0 {
		i.ID = int64(len(s.list) + 1)
		s.list = append(s.list, i)
	}
	s.list[i.ID-1] = i
	return i.ID, nil
}

func (s *shelf) all() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

func acme() *Partner {
	p := NewPartner("acme")
	p.FullName, p.OurContact, p.Connections = "示例科技有限公司", "值班室 010-00000000", []string{"partner"}
	p.Channels, p.Escalate = []string{"desk"}, []string{"boss"}
	return p
}

// bureau is a desk that tells a partner, in a synctest bubble.
type bureau struct {
	*office
	desk, boss, others inbox
	shelf              shelf
	partner            *Partner
}

func newBureau(t *testing.T) *bureau {
	manual, err := schedule.Parse("manual", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	b := &bureau{office: newOffice(t), partner: acme()}
	b.world = World{Jobs: []Job{
		{Name: "push-orders", Schedule: manual, Location: time.UTC, Partner: "acme", Interface: "orders", Last: Run{Waiting: -1}},
		{Name: "other", Schedule: manual, Location: time.UTC, Interface: "other", Last: Run{Waiting: -1}},
	}}
	return b
}

func (b *bureau) open() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.stop, b.ended = cancel, make(chan error, 1)
	b.office.desk = NewNotices(Options{Settings: NewSettings(), Memory: b.memory, Now: time.Now, Log: b.log,
		World: func(context.Context) (World, error) { return b.world, b.broken },
		Routes: []Route{{Name: "desk", On: []Kind{Fault, Recovered}, Channel: &b.desk, Partner: "acme"},
			{Name: "boss", On: []Kind{Escalated, Recovered}, Channel: &b.boss, Partner: "acme"},
			{Name: "zeta", On: []Kind{Fault, Recovered}, Channel: &b.others, Partner: "zeta"}},
	}, []*Partner{b.partner}, &b.shelf)
	desk := b.office.desk
	go func() { b.ended <- desk.Run(ctx) }()
	synctest.Wait()
}

// ran sets how the last run of a job ended.
func (b *bureau) ran(job int, id int64, state string, waiting int64) {
	b.world.Jobs = slices.Clone(b.world.Jobs)
	r := Run{ID: id, State: state, StartedAt: time.Now(), FinishedAt: time.Now(), Waiting: waiting, Code: "HTTP 503",
		Error: "connection partner: push to https://10.0.0.7/orders refused for 13800001234", Remedy: "milkrun resume push-orders"}
	b.world.Jobs[job].Last = r
	if state == "done" {
		b.world.Jobs[job].Success = r
	}
	b.office.desk.Wake()
	time.Sleep(gather)
	synctest.Wait()
}

// pass lets time go by in a world that was changed.
func (b *bureau) pass(d time.Duration) {
	b.office.desk.Wake()
	time.Sleep(d)
	synctest.Wait()
}

func (b *bureau) expectAll(what string, desk, boss []string) {
	b.t.Helper()
	if got := b.desk.take(); !slices.Equal(got, desk) {
		b.t.Errorf("%s: the contacts heard %q, want %q", what, got, desk)
	}
	if got := b.boss.take(); !slices.Equal(got, boss) {
		b.t.Errorf("%s: the next level heard %q, want %q", what, got, boss)
	}
	if got := b.others.take(); len(got) > 0 {
		b.t.Errorf("%s: another partner heard %q", what, got)
	}
}

const (
	faultTitle    = "数据交换故障：orders / data exchange disturbed: orders"
	lastingTitle  = "数据交换故障持续：orders / data exchange still disturbed: orders"
	restoredTitle = "数据交换已恢复：orders / data exchange restored: orders"
)

// TestPartnerIsTold: a fault at once, the next level when it lasts, both when it is over; once each, and across a restart.
func TestPartnerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		b.open()
		b.ran(0, 1, "done", -1)
		b.expectAll("nothing is wrong", nil, nil)
		b.ran(0, 2, "failed", 120)
		b.expectAll("a run failed", []string{faultTitle}, nil)
		b.ran(0, 3, "failed", 300)
		time.Sleep(30 * time.Minute)
		b.expectAll("it fails again", nil, nil)
		b.shut()
		b.open()
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		b.expectAll("it lasts for an hour", nil, []string{lastingTitle})
		b.ran(0, 4, "done", -1)
		b.expectAll("it is over", []string{restoredTitle}, []string{restoredTitle})
		b.shut()
		list := b.shelf.all()
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		i := list[0]
		if i.Partner != "acme" || i.Job != "push-orders" || i.Interface != "orders" || i.Kind != Failed || i.Impact != 300 || i.Code != "HTTP 503" ||
			i.NotifiedAt.IsZero() || i.EscalatedAt.Sub(i.Since) < time.Hour || i.ClearedAt.Before(i.EndedAt) || !i.EndedAt.After(i.Since) {
			t.Errorf("%+v", i)
		}
	})
}

// TestNoticeHoldsNothingInternal looks at every word that leaves.
func TestNoticeHoldsNothingInternal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		b.open()
		b.ran(0, 2, "failed", 120)
		b.ran(0, 3, "done", -1)
		b.shut()
		if len(b.desk.messages) != 2 {
			t.Fatalf("%d messages", len(b.desk.messages))
		}
		for _, m := range b.desk.messages {
			e := m.Events[0]
			for _, text := range []string{m.Instance, m.Title, m.Body, e.Name, e.Text, e.Remedy, e.Code, e.Command()} {
				for _, inner := range []string{"push-orders", "10.0.0.7", "138", "etl", "HTTP", "run 2", "milkrun resume"} {
					if strings.Contains(text, inner) {
						t.Errorf("%q holds %q", text, inner)
					}
				}
			}
			if e.Run != 0 || len(e.Jobs) > 0 {
				t.Errorf("%+v", e)
			}
			for _, must := range []string{"接口：orders", "Interface: orders", "值班室 010-00000000", "Since: ", "开始时间："} {
				if !strings.Contains(m.Body, must) {
					t.Errorf("%q lacks %q", m.Body, must)
				}
			}
		}
		if !strings.Contains(b.desk.messages[0].Body, "120 条记录等待交换") || !strings.Contains(b.desk.messages[1].Body, "up to 120 records came late") {
			t.Errorf("%q, %q", b.desk.messages[0].Body, b.desk.messages[1].Body)
		}
	})
}

// TestHaltedConnection: the jobs on it are in trouble, the worst kind counts, and a pause by an operator is no fault.
func TestHaltedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		b.open()
		b.ran(0, 2, "failed", 10)
		b.world.Halts = []Halt{{Scope: ConnectionScope, Name: "partner", At: time.Now(), Reason: "401", Code: "401", Jobs: []string{"push-orders"}}}
		b.pass(lookEvery + time.Second)
		b.expectAll("halted", []string{faultTitle}, nil)
		b.world.Halts = nil
		b.ran(0, 3, "done", -1)
		b.expectAll("resumed", []string{restoredTitle}, nil)
		b.world.Jobs = slices.Clone(b.world.Jobs)
		b.world.Jobs[0].StaleAfter, b.world.Jobs[0].PausedBy = time.Minute, "me"
		b.pass(time.Hour)
		b.expectAll("paused", nil, nil)
		b.shut()
		if list := b.shelf.all(); len(list) != 1 || list[0].Kind != Halted || list[0].Impact != 10 {
			t.Errorf("%+v", list)
		}
	})
}

// TestIncidentsOfNobody are kept and told to nobody, also those of a job that is configured no more.
func TestIncidentsOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		b.open()
		b.ran(1, 2, "failed", -1)
		b.expectAll("no partner", nil, nil)
		b.world.Jobs = b.world.Jobs[:1]
		b.pass(lookEvery + time.Second)
		b.shut()
		list := b.shelf.all()
		if len(list) != 1 || list[0].Partner != "" || list[0].Impact != -1 || list[0].EndedAt.IsZero() || !list[0].NotifiedAt.IsZero() {
			t.Errorf("%+v", list)
		}
	})
}

// TestUnreachablePartner is told again, and an incident says truly when they heard.
func TestUnreachablePartner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBureau(t)
		away := true
		b.desk.refuse = func(int) error {
			if away {
				return errors.New("away")
			}
			return nil
		}
		b.open()
		b.ran(0, 2, "failed", 1)
		time.Sleep(20 * time.Minute)
		if list := b.shelf.all(); !list[0].NotifiedAt.IsZero() {
			t.Errorf("%+v", list)
		}
		b.desk.mu.Lock()
		away = false
		b.desk.mu.Unlock()
		time.Sleep(20 * time.Minute)
		b.expectAll("reachable", []string{faultTitle}, nil)
		if list := b.shelf.all(); list[0].NotifiedAt.Sub(list[0].Since) < 20*time.Minute {
			t.Errorf("%+v", list)
		}
		b.shut()
	})
}

// TestOwnDeskKeepsOut: our own people's desk neither sends nor forgets what belongs to partners.
func TestOwnDeskKeepsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &inbox{}
		o := newOffice(t, all("ops", own)).quietJob()
		entry := Entry{Subject: Subject{Fault, PartnerScope, "acme/orders"}, Open: true, Announced: "incident 1", Occurrence: "incident 1"}
		if err := o.memory.SaveAlert(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		o.open()
		time.Sleep(3 * time.Hour)
		o.shut()
		if list, _ := o.memory.Alerts(t.Context()); len(list) != 1 || list[0] != entry || own.count() > 0 {
			t.Errorf("%+v, %d messages", list, own.count())
		}
	})
}

func TestTestNotice(t *testing.T) {
	m := TestNotice(acme(), time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))
	if !strings.Contains(m.Title, "测试") || !strings.Contains(m.Body, "Nothing is wrong.") || !strings.Contains(m.Body, "值班室") || len(m.Events) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestPartnerSettings(t *testing.T) {
	for key, change := range map[string]func(*Partner){
		"":               func(*Partner) {},
		"escalate":       func(p *Partner) { p.Escalate = p.Channels },
		"channels":       func(p *Partner) { p.Channels = nil },
		"our_contact":    func(p *Partner) { p.OurContact = " " },
		"escalate_after": func(p *Partner) { p.EscalateAfter = 0 },
	} {
		p := acme()
		change(p)
		if problems := p.Validate(); (len(problems) == 0) != (key == "") || len(problems) > 0 && problems[0].Key != key {
			t.Errorf("%s: %+v", key, problems)
		}
	}
}
