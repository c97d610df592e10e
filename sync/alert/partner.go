package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/setting"
)

// The scope and the kinds of what a partner's contacts are told.
const (
	PartnerScope Scope = "partner"

	Fault     Kind = "fault"     // an exchange with the partner does not work
	Escalated Kind = "escalated" // nor has it for a while
)

// Partner is a party to an agreement (协议首部): who they are, which connections are theirs, and who of them is told of a
// fault (甲义务2). Make it with [NewPartner].
type Partner struct {
	Name           string // of its block
	FullName       string
	Representative string
	Address        string
	Contact        string
	OurContact     string
	Connections    []string
	Channels       []string // who is told first
	Escalate       []string // and who when it lasts
	EscalateAfter  time.Duration
}

// NewPartner returns the defaults.
func NewPartner(name string) *Partner { return &Partner{Name: name, EscalateAfter: time.Hour} }

// Fields returns the keys of [partners.NAME].
func (p *Partner) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("name", &p.FullName, "full name of the other party", "对方全称").Require(),
		setting.Text("representative", &p.Representative, "its legal representative", "法定代表人"),
		setting.Text("address", &p.Address, "its address", "地址"),
		setting.Text("contact", &p.Contact, "whom to ask there", "联系人"),
		setting.Text("our_contact", &p.OurContact, "whom they ask here; it stands in every notice to them", "我方联系人，写入每条通知"),
		setting.Texts("connections", &p.Connections, "the connections that are exchanges with it", "与其交换数据的连接").Require(),
		setting.Texts("channels", &p.Channels, "channels of [alerts.channels] that reach its contacts when an exchange fails; they get nothing else",
			"交换故障时通知其联系人的告警通道；这些通道不再接收其他告警"),
		setting.Texts("escalate", &p.Escalate, "channels that reach the next level when a fault lasts", "故障持续时升级通知的通道"),
		setting.Duration("escalate_after", &p.EscalateAfter, "how long it lasts then", "故障持续多久后升级通知").WithDefault(`"1h"`),
	}
}

// Validate finds what one key alone does not show.
func (p *Partner) Validate() []setting.Problem {
	var list []setting.Problem
	for _, c := range p.Escalate {
		if slices.Contains(p.Channels, c) {
			list = append(list, setting.Problem{Key: "escalate", Text: fmt.Sprintf("the channel %q is told at once already", c), Remedy: "name another one"})
		}
	}
	if len(p.Escalate) > 0 && len(p.Channels) == 0 {
		list = append(list, setting.Problem{Key: "channels", Text: "nobody is told first", Remedy: "name a channel, or leave escalate out"})
	}
	if len(p.Channels) > 0 && strings.TrimSpace(p.OurContact) == "" {
		list = append(list, setting.Problem{Key: "our_contact", Text: "whoever is told of a fault must know whom to ask", Remedy: `write for example our_contact = "值班室 010-00000000"`})
	}
	if p.EscalateAfter <= 0 {
		list = append(list, setting.Problem{Key: "escalate_after", Text: "a fault must last for some time", Remedy: `write for example "1h"`})
	}
	return list
}

// Notice is what an event to a partner says besides: nothing of it is internal.
type Notice struct {
	Interface  string
	Impact     int64 // the most records that waited, -1 when nobody can tell
	Trouble    Kind  // Halted, Failed, Late or Stale
	OurContact string
}

// notices turns trouble with exchanges into incidents, and incidents into what partners are told.
type notices struct {
	partners  []*Partner
	incidents Incidents
	open      map[string]Incident // by job
	ended     map[string]Incident // the last one, for whoever has not heard of its end yet
}

// NewNotices returns a desk that keeps the incidents of all jobs and tells the contacts of the partners among them. Its
// routes are those of the partners.
func NewNotices(o Options, partners []*Partner, incidents Incidents) *Desk {
	n := &notices{partners: partners, incidents: incidents, ended: map[string]Incident{}}
	d := New(o)
	d.find, d.compose, d.told = n.find, composeNotice, n.told
	d.mine = func(s Subject) bool { return s.Scope == PartnerScope }
	return d
}

// find looks for incidents and returns what partners may have to be told. The store's fault is the error.
func (n *notices) find(ctx context.Context, w World, now time.Time) ([]finding, error) {
	if n.open == nil {
		list, err := n.incidents.OpenIncidents(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the incidents: %w", err)
		}
		n.open = map[string]Incident{}
		for _, i := range list {
			n.open[i.Job] = i
		}
	}
	troubles := sortOut(w, now)
	known := map[string]bool{}
	for _, j := range w.Jobs {
		known[j.Name] = true
		if err := n.follow(ctx, j, troubles[j.Name], now); err != nil {
			return nil, err
		}
	}
	for job := range n.open {
		if !known[job] { // it is configured no more
			if err := n.end(ctx, job, now); err != nil {
				return nil, err
			}
		}
	}
	return n.findings(w, now), nil
}

// trouble is what is wrong with one job, the worst of it.
type trouble struct {
	finding
	unclear bool // what was wrong may still be
}

// sortOut finds the worst trouble of each job, that of its connections included. A job that an operator paused has none.
func sortOut(w World, now time.Time) map[string]trouble {
	out := map[string]trouble{}
	for _, f := range look(w, now) {
		jobs := f.Jobs
		if f.Scope == JobScope {
			jobs = []string{f.Name}
		}
		for _, job := range jobs {
			t, some := out[job]
			switch {
			case f.verdict == unclear:
				t.unclear = true
			case f.verdict == active && f.PausedBy == "" && (!some || t.verdict != active || f.urgency() < t.urgency()):
				t.finding = f
			}
			out[job] = t
		}
	}
	return out
}

// follow begins, continues or ends the incident of a job.
func (n *notices) follow(ctx context.Context, j Job, t trouble, now time.Time) error {
	i, open := n.open[j.Name]
	switch {
	case t.verdict == active && !open:
		i = Incident{Partner: j.Partner, Job: j.Name, Interface: j.Interface, Kind: t.Kind, Code: t.Code, Since: t.Since, Impact: j.Last.Waiting}
	case t.verdict == active:
		worse := Event{Subject: Subject{Kind: t.Kind}}.urgency() < Event{Subject: Subject{Kind: i.Kind}}.urgency()
		if !worse && j.Last.Waiting <= i.Impact {
			return nil
		}
		if worse {
			i.Kind, i.Code = t.Kind, t.Code
		}
		i.Impact = max(i.Impact, j.Last.Waiting)
	case open && !t.unclear:
		return n.end(ctx, j.Name, now)
	default:
		return nil
	}
	return n.save(ctx, i)
}

func (n *notices) end(ctx context.Context, job string, now time.Time) error {
	i := n.open[job]
	i.EndedAt = now
	if err := n.save(ctx, i); err != nil {
		return err
	}
	delete(n.open, job)
	n.ended[job] = i
	return nil
}

func (n *notices) save(ctx context.Context, i Incident) (err error) {
	if i.ID, err = n.incidents.SaveIncident(ctx, i); err != nil {
		return fmt.Errorf("recording an incident: %w", err)
	}
	if i.EndedAt.IsZero() {
		n.open[i.Job] = i
	}
	return nil
}

// findings are what the contacts of each partner may have to be told, by interface.
func (n *notices) findings(w World, now time.Time) []finding {
	var list []finding
	seen := map[Subject]int{}
	for _, j := range w.Jobs {
		at := slices.IndexFunc(n.partners, func(p *Partner) bool { return p.Name == j.Partner })
		if at < 0 || len(n.partners[at].Channels) == 0 {
			continue
		}
		p := n.partners[at]
		f := n.finding(p, j, now)
		subjects := []Kind{Fault}
		if len(p.Escalate) > 0 {
			subjects = append(subjects, Escalated)
		}
		for _, kind := range subjects {
			f := f
			f.Subject = Subject{kind, PartnerScope, p.Name + "/" + j.Interface}
			if kind == Escalated && f.verdict == active && now.Sub(f.Since) < p.EscalateAfter {
				f.verdict = unclear
			}
			if i, twice := seen[f.Subject]; !twice {
				seen[f.Subject] = len(list)
				list = append(list, f)
			} else if f.verdict == active && (list[i].verdict != active || f.Since.Before(list[i].Since)) {
				list[i] = f // several jobs on one interface: the trouble that began first
			}
		}
	}
	return list
}

// finding is how it stands with one job, as its partner is told.
func (n *notices) finding(p *Partner, j Job, now time.Time) finding {
	e := Event{Location: j.Location, Partner: p.Name, At: now, Since: now, Notice: Notice{Interface: j.Interface, Impact: -1, OurContact: p.OurContact}}
	i, open := n.open[j.Name]
	if !open {
		if i, known := n.ended[j.Name]; known {
			e.At, e.Since, e.Notice.Impact, e.Notice.Trouble = i.EndedAt, i.Since, i.Impact, i.Kind
		}
		return finding{e, quiet}
	}
	e.At, e.Since, e.Occurrence = i.Since, i.Since, fmt.Sprintf("incident %d", i.ID)
	e.Notice.Impact, e.Notice.Trouble = i.Impact, i.Kind
	return finding{e, active}
}

// told notes on the incidents of an interface that its partner has heard of them.
func (n *notices) told(ctx context.Context, e Event, now time.Time) error {
	if e.Over {
		for job, i := range n.ended {
			if n.concerns(i, e) && i.ClearedAt.IsZero() {
				i.ClearedAt = now
				if err := n.save(ctx, i); err != nil {
					return err
				}
				n.ended[job] = i
			}
		}
		return nil
	}
	for _, i := range n.open {
		if !n.concerns(i, e) {
			continue
		}
		switch {
		case e.Kind == Fault && i.NotifiedAt.IsZero():
			i.NotifiedAt = now
		case e.Kind == Escalated && i.EscalatedAt.IsZero():
			i.EscalatedAt = now
		default:
			continue
		}
		if err := n.save(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (n *notices) concerns(i Incident, e Event) bool {
	return i.Partner == e.Partner && i.Interface == e.Notice.Interface
}
