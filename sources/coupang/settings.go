package coupang

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// settings are the keys of a source on a connection of type coupang.
type settings struct {
	connection               *connection
	resource, version, items string
	since                    string
	lookback, settle         time.Duration
	ids                      []string
	personal, purpose        string
	now                      func() time.Time
}

var _ kind.Source = (*settings)(nil)

// firstReading is how far back the first reading begins when the settings do not say.
const firstReading = 30 * day

// NewSource returns the settings of a source on a connection that [NewConnection] made.
func NewSource(c kind.Connection) kind.Source {
	own, _ := c.(*connection)
	return &settings{connection: own, lookback: -1, settle: 5 * time.Minute, personal: dropped, now: time.Now}
}

// Fields returns the keys.
func (s *settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("resource", &s.resource, names(), "what to read; see coupang.md for what each is", "读取的资源，说明见 coupang.md").Require(),
		setting.Text("version", &s.version, "version of the interface, as v5 or v4; the newest when left out", "接口版本，如 v5、v4，不填则用最新版"),
		setting.Text("since", &s.since, "day from which the first reading reads, as 2026-01-31; 30 days ago when left out",
			"首次读取的起始日期，如 2026-01-31，不填则为 30 天前"),
		setting.Duration("lookback", &s.lookback,
			"how far back every run reads again, for what has changed since: the filters go by the time of creation alone; when left out, what suits the resource",
			"每次运行回读的时长，用于补读状态变化（平台只按创建时间过滤）；不填则按资源取合适的值").WithDefault(""),
		setting.Duration("settle", &s.settle, "how old a record must be to be read, so that none is passed over that shows late", "只读取至少早于此时长的记录，避免漏掉迟到的数据"),
		setting.Choice("items", &s.items, []string{asJSON, asRows},
			`lists within a record, as an order's items: "json" in one column, or "rows": a row for each; json when left out, rows for revenue`,
			`记录内的明细列表：json 合并为一列，rows 每条明细一行；不填为 json（revenue 为 rows）`),
		setting.Texts("ids", &s.ids, "ids to ask for, of a resource that is asked for one by one; when left out, those that the listing resource has",
			"逐个查询的资源所用的编号列表；不填则取自对应的列表资源"),
		setting.Choice("personal", &s.personal, []string{dropped, masked, raw},
			"personal fields: no column at all, a masked one, or (with purpose) as they are", "个人信息字段：不取、脱敏、或原样（须填写 purpose）"),
		setting.Text("purpose", &s.purpose, `with personal = "raw": what they are needed for, as agreed; kept with the configuration`,
			`personal = "raw" 时的使用目的（须与协议一致）`),
	}
}

// Validate checks what goes with the resource.
func (s *settings) Validate() []setting.Problem {
	var list []setting.Problem
	problem := func(key, remedy, format string, args ...any) {
		list = append(list, setting.Problem{Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	st := find(s.resource)
	if st == nil {
		return nil // that is said already
	}
	if _, ok := st.version(s.version); !ok {
		var all []string
		for _, v := range st.versions {
			all = append(all, v.name)
		}
		problem("version", "write one of "+strings.Join(all, ", ")+", or leave it out", "%s has no version %s", st.name, s.version)
	}
	if _, err := s.start(); err != nil {
		problem("since", `write a day, as since = "2026-01-31"`, "%q is no day from 2010 on", s.since)
	}
	if st.id == "" && s.ids != nil {
		problem("ids", "leave it out", "%s is no resource that is asked for one by one", st.name)
	}
	if st.id != "" && st.of == "" && len(s.ids) == 0 {
		problem("ids", `list them, as ids = ["1234"]`, "no interface lists what %s is asked for", st.name)
	}
	if slices.ContainsFunc(s.ids, badID) {
		problem("ids", "write letters and digits alone", "an id holds something else than letters, digits, - and _")
	}
	if s.items == asRows && st.items == "" {
		problem("items", "leave it out", "the records of %s hold no list", st.name)
	}
	if !st.windowed() && s.since != "" {
		problem("since", "leave it out", "%s is always read as a whole", st.name)
	}
	if s.personal == raw && strings.TrimSpace(s.purpose) == "" {
		problem("purpose", `say what they are needed for, as purpose = "delivery of the orders", or write personal = "mask"`,
			`personal = "raw" brings names, phone numbers and addresses; that needs a purpose (API linking agreement; PIPA)`)
	}
	return list
}

func badID(id string) bool {
	return id == "" || strings.ContainsFunc(id, func(r rune) bool {
		return r > 'z' || r != '-' && r != '_' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	})
}

// start is where the first reading begins.
func (s *settings) start() (time.Time, error) {
	if s.since == "" {
		return s.now().Add(-firstReading), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s.since, seoul())
	if err == nil && !plausible(t) {
		err = fmt.Errorf("the year %d", t.Year())
	}
	return t, err
}

// Columns returns the names of the columns; see package config.
func (s *settings) Columns() []string {
	st := find(s.resource)
	if st == nil {
		return nil
	}
	return st.layoutOf(s.personal, s.form(st)).columns.Names()
}

// form is what becomes of the lists within records.
func (s *settings) form(st *stream) string {
	return cmp.Or(s.items, map[bool]string{true: asRows}[st.rows], asJSON)
}

// Limits returns the bounds of a page: an answer with more rows is handed on in parts.
func (s *settings) Limits() kind.Limits { return kind.Limits{Default: 500} }

// Open returns the source. Nothing is sent.
func (s *settings) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	st := find(s.resource)
	if s.connection == nil || st == nil {
		return nil, feed.Errorf(feed.Fail, "", "the source's connection %s is not of type coupang, or the resource %q is none", env.Connection, s.resource)
	}
	src, err := s.open(st, env, s.version, s.ids)
	if err != nil {
		return nil, err
	}
	if s.lookback >= 0 {
		src.lookback = s.lookback
	}
	if st.windowed() {
		return &windowed{src}, nil
	}
	return src, nil
}

// open makes the source of a stream, and those of the streams that list its ids.
func (s *settings) open(st *stream, env kind.Env, v string, ids []string) (*source, error) {
	ver, ok := st.version(v)
	since, err := s.start()
	if err != nil || !ok {
		return nil, feed.Errorf(feed.Fail, "", "connection %s: since or version of the source do not fit %s", env.Connection, st.name)
	}
	c := s.connection
	src := &source{
		stream: st, version: ver, label: env.Connection + ": " + st.name, ids: ids, since: since, lookback: time.Duration(st.sweepDay) * day,
		caller: &caller{connection: c, client: c.Client(env.RoundTripper), account: c.budgets(env.Budgets, st.rg())},
		layout: st.layoutOf(s.personal, s.form(st)),
		end:    s.now().Truncate(time.Second).In(seoul()),
	}
	if s.since != "" {
		src.floor = since
	}
	if st.windowed() {
		src.end = s.now().Add(-s.settle).Truncate(time.Minute).In(seoul())
	}
	if st.of != "" && len(ids) == 0 {
		if src.parent, err = s.open(find(st.of), env, "", nil); err != nil {
			return nil, err
		}
		src.parent.layout, src.parent.lists = find(st.of).layoutOf(dropped, asJSON), true
	}
	return src, nil
}
