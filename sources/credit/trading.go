package credit

import (
	"context"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

const (
	tradingOperation = "getPublicResourcesTrading"
	maxTrading       = 10_000 // rows a page
	usualTrading     = 500
	tradingCalls     = 50 // at most for one page
	// LicenceTopic is under which milkrun remembers licences, by the code of the enterprise; see kind.Env.
	LicenceTopic = "licence"
)

// The columns of a trading record.
const (
	tradeCode = iota
	tradeName
	tradeType
	tradeProject
	tradeOwner
	tradeURL
	tradeDay
	tradePrice
	tradeWidth
)

func tradingNames() []string {
	return []string{codeName, nameName, "type", "projectName", "ownerOrgName", "url", "publicizingDay", "bidPrice"}
}

func tradingColumns() *feed.Columns {
	list := make([]feed.Column, tradeWidth)
	for i, name := range tradingNames() {
		list[i] = feed.Column{Name: name, Type: feed.Text}
	}
	list[tradeDay].Type, list[tradePrice].Type = feed.Time, feed.Decimal
	return feed.NewColumns(list...)
}

// tradingTypes are the values of type, by the document.
func tradingTypes() []string {
	return []string{"工程建设", "政府采购", "土地", "矿业", "国有产权实物", "国有产权股权"}
}

// trading asks for the public resources trading records of a list of codes. An enterprise may have any number of them, so that
// records have no positions. It is used by one goroutine.
type trading struct {
	lookup
	columns *feed.Columns
	recall  func(ctx context.Context, topic, key string) (string, time.Time, error)
}

var (
	_ feed.Source        = (*trading)(nil)
	_ feed.CursorChecker = (*trading)(nil)
	_ feed.Rereader      = (*trading)(nil)
)

// CheckCursor returns a cursor in its normal form.
func (s *trading) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := parsePlace(s.label, c, cursorsInRows)
	return p.cursor(), err
}

// Fetch asks for one code after the other until the page is full. An enterprise is cut in two only when its records alone are
// more than a page; then the cursor knows by a sum whether those returned are still the same, and begins its records again
// when they are not.
func (s *trading) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if err := badLimit(s.label, limit, maxTrading); err != nil {
		return feed.Page{}, err
	}
	at, err := parsePlace(s.label, after, cursorsInRows)
	if err != nil {
		return feed.Page{}, err
	}
	page := feed.Page{Rows: feed.Batch{Columns: s.columns}, Total: -1}
	i := s.codes.behind(at.Code)
	if at.Row > 0 { // within the records of its code
		if i--; i < 0 || s.codes[i] != at.Code {
			i, at = s.codes.behind(at.Code), place{Code: at.Code}
		}
	}
	for calls := 0; i < len(s.codes) && calls < tradingCalls; i, calls = i+1, calls+1 {
		room := limit - page.Rows.Len() - len(page.Rejected)
		if room == 0 {
			break
		}
		list, err := s.records(ctx, s.codes[i], &page)
		if err != nil {
			return feed.Page{}, err
		}
		skip := 0
		if at.Row > 0 {
			skip = list.same(at)
		}
		if rest := len(list) - skip; rest > room {
			if calls > 0 {
				break // it begins the next page
			}
			list[skip:].fill(&page, room)
			at = place{Code: s.codes[i], Row: skip + room, Sum: list.sum(skip + room)}
			page.Next = at.cursor()
			return page, nil
		}
		list[skip:].fill(&page, len(list))
		at = place{Code: s.codes[i]}
	}
	page.Next, page.Done = at.cursor(), i >= len(s.codes)
	page.Notes = s.connection.noteOther(page.Notes, s.told)
	return page, nil
}

// trade is one record, or its rejection.
type trade struct {
	values   []feed.Value
	rejected *feed.Rejection
}

type trades []trade

// fill moves the first n records to a page, or all there are.
func (l trades) fill(page *feed.Page, n int) {
	for _, t := range l[:min(n, len(l))] {
		if t.rejected == nil {
			page.Rows.Values = append(page.Rows.Values, t.values...)
			continue
		}
		r := *t.rejected
		r.Row = page.Rows.Len() + len(page.Rejected)
		page.Rejected = append(page.Rejected, r)
	}
}

// sum tells whether the first n records are the same as before.
func (l trades) sum(n int) string {
	h := fnv.New64a()
	for _, t := range l[:min(n, len(l))] {
		_, _ = h.Write([]byte(t.id())) // hashes never fail
	}
	return fmt.Sprintf("%x", h.Sum64())
}

// same is how many records a cursor has behind it, 0 when they are others by now.
func (l trades) same(at place) int {
	if at.Row <= len(l) && l.sum(at.Row) == at.Sum {
		return at.Row
	}
	return 0
}

// id tells a record apart from the others of its enterprise; they have no key of their own.
func (t trade) id() string {
	if t.rejected != nil {
		return sumOf(t.rejected.Record)
	}
	return sumOf(t.values)
}

func sumOf(v any) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q", v) // a map in the order of its keys
	return fmt.Sprintf("%x", h.Sum64())
}

// Locate is the code of a row, with what tells it apart.
func (s *trading) Locate(b feed.Batch, i int) feed.Cursor {
	code, _ := b.Get(i, codeName).(string)
	return place{Code: code, Sum: sumOf(b.Row(i))}.cursor()
}

// Reread asks again for the enterprises that stand at the places, and returns the records that do: for a place that is only a
// code, one that none could be read of, all there are now.
func (s *trading) Reread(ctx context.Context, at []feed.Cursor) (feed.Batch, error) {
	page := feed.Page{Rows: feed.Batch{Columns: s.columns}}
	asked := map[string]trades{}
	for _, c := range at {
		p, err := parsePlace(s.label, c, placesOfRows)
		if err != nil {
			return feed.Batch{}, err
		}
		if _, ok := asked[p.Code]; !ok {
			if asked[p.Code], err = s.records(ctx, p.Code, &page); err != nil {
				return feed.Batch{}, err
			}
		}
		for _, t := range asked[p.Code] {
			if t.rejected == nil && (p.Sum == "" || p.Sum == t.id()) {
				page.Rows.Values = append(page.Rows.Values, t.values...)
			}
		}
	}
	return page.Rows, nil
}

// records asks for those of one code. What keeps all of them away is one rejection.
func (s *trading) records(ctx context.Context, code string, page *feed.Page) (trades, error) {
	reject := func(why, reason string) (trades, error) {
		return trades{{rejected: &feed.Rejection{Code: why, Reason: reason, Record: map[string]feed.Value{codeName: code},
			Place: place{Code: code}.cursor(), NoKey: true}}}, nil
	}
	if reason := checkCode(code, s.digits); reason != "" {
		return reject("uscc", reason)
	}
	licence, until, err := s.licence(ctx, code)
	if err != nil {
		return nil, err
	}
	const upload = "upload its authorisation: milkrun account licence upload %s --code CODE --file FILE"
	if !until.IsZero() && time.Now().After(until) {
		return reject("licence", "the licence of this enterprise ended on "+until.In(beijing()).Format(time.DateOnly)+"; "+fmt.Sprintf(upload, s.name))
	}
	if licence == "" {
		return reject("licence", "there is no licence for this enterprise; "+fmt.Sprintf(upload, s.name))
	}
	a, call, size, err := s.ask(ctx, code, []pair{{"licenseID", licence}}, tradingNames())
	if err != nil {
		return nil, err
	}
	page.Bytes += size
	switch said := transport.Said(a.msg.value, call.Secrets...); {
	case a.succeeded():
	case unlicensed(a.msg.value):
		return reject("licence", "the platform does not take the licence of this enterprise ("+said+"); "+fmt.Sprintf(upload, s.name))
	case unknownEnterprise(a.msg.value):
		return reject("not found", "the platform does not know this enterprise: "+said)
	}
	return s.list(a, call, code)
}

func (s *trading) licence(ctx context.Context, code string) (value string, until time.Time, err error) {
	if s.recall == nil {
		return "", until, nil
	}
	return s.recall(ctx, LicenceTopic, code)
}

// unlicensed says whether an answer is about the licence that was sent.
func unlicensed(msg string) bool {
	msg = strings.ToLower(msg)
	return containsAny(msg, "授权", "licenseid", "license", "licence") && !containsAny(msg, "用户", "密码", "接口", "accessid", "令牌", "token")
}

// list makes records of an answer. The code and the name stand in the first row only, and hold for those behind it.
func (s *trading) list(a *listing, call transport.Call, code string) (trades, error) {
	why := a.fault
	if why == "" && a.form != scan.Container && a.form != scan.Null && a.form != scan.Absent {
		why = "data is no list"
	}
	var name cell
	list := make(trades, 0, len(a.rows))
	for i, row := range a.rows {
		if row[tradeCode].form == scan.Text && uscc.Trim(row[tradeCode].value) != "" && !about(row[tradeCode], code) {
			why = fmt.Sprintf("%s of record %d is not the code that was asked for", codeName, i+1)
		}
		if row[tradeName].form == scan.Text {
			name = row[tradeName]
		}
		row[tradeName] = name
		list = append(list, tradeOf(row, code))
	}
	if why != "" {
		return nil, feed.Errorf(feed.Retry, "answer", "%s: %s", call.Op, why).
			WithRemedy(transport.TriedAgain + "compare the answer with the platform's document, or ask the platform")
	}
	return list, nil
}

// tradeOf checks one record.
func tradeOf(row []cell, code string) trade {
	values := make([]feed.Value, tradeWidth)
	known := map[string]feed.Value{codeName: code}
	var why, reason string
	fail := func(c, r string) {
		if why == "" {
			why, reason = c, r
		}
	}
	for at, name := range tradingNames() {
		c := &row[at]
		if code, text := c.problem(); code != "" && (at != tradePrice || c.form != scan.Number) {
			fail(code, name+" "+text)
		}
		if c.form == scan.Text || c.form == scan.Number {
			text := strings.Clone(uscc.Trim(c.value))
			known[name], values[at] = text, text
		}
	}
	values[tradeCode], known[codeName] = code, code
	if kind, _ := values[tradeType].(string); !slices.Contains(tradingTypes(), kind) {
		fail("type", "type is none of "+strings.Join(tradingTypes(), ", "))
	}
	day, ok := tradingDay(values[tradeDay])
	if !ok {
		fail("publicizingDay", "publicizingDay is no time as 2019-01-07 13:20:24")
	}
	values[tradeDay] = day
	if price, ok := bidPrice(values[tradePrice]); ok {
		values[tradePrice] = price
	} else {
		fail("bidPrice", "bidPrice is no decimal number")
	}
	if why != "" {
		r := &feed.Rejection{Code: why, Reason: reason, Record: known, NoKey: true}
		r.Place = place{Code: code, Sum: sumOf(known)}.cursor()
		return trade{rejected: r}
	}
	return trade{values: values}
}

// beijing is the zone of the document's times: they have none, and the country has one.
func beijing() *time.Location { return time.FixedZone("CST", 8*3600) }

// tradingDay reads a time, or a day, which is its midnight (E5). None is nil.
func tradingDay(v feed.Value) (feed.Value, bool) {
	text, _ := v.(string)
	if text == "" {
		return nil, true
	}
	for _, layout := range []string{time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, beijing()); err == nil {
			return t, true
		}
	}
	return nil, false
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// bidPrice reads an amount in yuan: digits as they are, so that none is lost (E4). None is nil.
func bidPrice(v feed.Value) (feed.Value, bool) {
	text, _ := v.(string)
	if text == "" {
		return nil, true
	}
	return text, decimal.MatchString(text)
}
