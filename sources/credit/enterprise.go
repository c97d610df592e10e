package credit

import (
	"context"
	"fmt"
	"sync/atomic"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
	"milkrun/sync/transport/scan"
)

const (
	oneOperation = "getEnterpriseGrade"
	usualOnes    = 20 // calls a page: what a failed one repeats
)

// enterprises asks for the grades of a list of codes, one call each. It is safe for concurrent use.
type enterprises struct {
	lookup
	columns *feed.Columns
}

// lookup is what both sources have that ask by code.
type lookup struct {
	connection    *Connection
	client        *transport.Client
	address       string
	label, digits string
	name          string // of the connection
	codes         codeList
	told          *atomic.Bool // that another password is in force
}

var (
	_ feed.Source        = (*enterprises)(nil)
	_ feed.Pager         = (*enterprises)(nil)
	_ feed.Enumerator    = (*enterprises)(nil)
	_ feed.CursorChecker = (*enterprises)(nil)
	_ feed.Rereader      = (*enterprises)(nil)
)

// Fetch asks for the limit codes behind a cursor.
func (e *enterprises) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if err := badLimit(e.label, limit, MaxPage); err != nil {
		return feed.Page{}, err
	}
	p, err := parsePlace(e.label, after, cursorsOfCodes)
	if err != nil {
		return feed.Page{}, err
	}
	from := e.codes.behind(p.Code)
	to := min(from+limit, len(e.codes))
	page := feed.Page{Rows: feed.Batch{Columns: e.columns}, Next: after, Done: to == len(e.codes), Total: int64(len(e.codes))}
	if to > from {
		page.Next = e.codes.cursorAt(to)
	}
	for i := from; i < to; i++ {
		if err := e.add(ctx, &page, i-from, e.codes[i]); err != nil {
			return feed.Page{}, err
		}
	}
	page.Notes = e.connection.noteOther(page.Notes, e.told)
	return page, nil
}

// add asks for one code; row is its place in the page.
func (e *enterprises) add(ctx context.Context, page *feed.Page, row int, code string) error {
	reject := func(why, reason string, noKey bool) {
		page.Rejected = append(page.Rejected, feed.Rejection{Row: row, Code: why, Reason: reason, Record: map[string]feed.Value{codeName: code},
			Place: place{Code: code}.cursor(), NoKey: noKey})
	}
	if reason := checkCode(code, e.digits); reason != "" {
		reject("uscc", reason, true)
		return nil
	}
	a, call, size, err := e.ask(ctx, code, nil, []string{codeName, nameName, gradeName})
	if err != nil {
		return err
	}
	page.Bytes += size
	if !a.succeeded() && unknownEnterprise(a.msg.value) {
		reject("not found", "the platform does not know this enterprise: "+transport.Said(a.msg.value, call.Secrets...), false)
		return nil
	}
	if err := e.judge(a, call, code); err != nil {
		return err
	}
	d := decoder{window: window{0, 1}, digits: e.digits}
	d.add((*record)(a.rows[0]))
	page.Rows.Values = append(page.Rows.Values, d.values...)
	for _, r := range d.rejected {
		r.Row, r.Place = row, place{Code: code}.cursor()
		page.Rejected = append(page.Rejected, r)
	}
	for note, n := range d.notes {
		if page.Notes == nil {
			page.Notes = map[string]int{}
		}
		page.Notes[note] += n
	}
	return nil
}

// ask calls the operation for one code, with more parameters.
func (l *lookup) ask(ctx context.Context, code string, more []pair, columns []string) (a *listing, call transport.Call, size int, err error) {
	o := operationCall{label: l.label, address: l.address, params: append([]pair{{codeName, code}}, more...)}
	err = l.connection.withPassword(func() error {
		var r transport.Response
		if call, r, err = l.connection.exchange(ctx, l.client, o); err != nil {
			return err
		}
		size = len(r.Body)
		if a, err = readListing(r.Body, columns); err != nil {
			return call.Unreadable(r, err)
		}
		if e := (query{Call: call}).refusal(a); e != nil {
			return e
		}
		return nil
	})
	return a, call, size, err
}

// refusal is the error of an answer that refuses us, and not what was asked; nil for all others.
func (q query) refusal(a *listing) *feed.Error {
	if a.succeeded() || unknownEnterprise(a.msg.value) || unlicensed(a.msg.value) {
		return nil
	}
	return q.failure(&a.answer)
}

// judge returns why an answer is none to the code that was asked for.
func (l *lookup) judge(a *listing, call transport.Call, code string) *feed.Error {
	why := a.fault
	switch {
	case why != "":
	case !a.succeeded():
		return query{Call: call}.failure(&a.answer)
	case len(a.rows) != 1:
		why = fmt.Sprintf("data holds %d records; one was asked for", len(a.rows))
	case !about(a.rows[0][atCode], code):
		why = codeName + " is not the code that was asked for"
	}
	if why == "" {
		return nil
	}
	return feed.Errorf(feed.Retry, "answer", "%s: %s", call.Op, why).
		WithRemedy(transport.TriedAgain + "compare the answer with the platform's document, or ask the platform")
}

// about says whether a cell holds a code, or none.
func about(c cell, code string) bool {
	if c.form != scan.Text {
		return false
	}
	got, _ := creditCode(c.value)
	return got == code
}

// Key names the code.
func (e *enterprises) Key() []string { return []string{codeName} }

// Position is the place of a cursor in the list.
func (e *enterprises) Position(after feed.Cursor) int64 {
	p, err := parsePlace(e.label, after, cursorsOfCodes)
	if err != nil {
		return 0
	}
	return int64(e.codes.behind(p.Code))
}

// CursorAt is the cursor before a page.
func (e *enterprises) CursorAt(page int64, limit int) feed.Cursor {
	return e.codes.cursorAt(int(min(page*int64(limit), int64(len(e.codes)))))
}

// Following is the cursor behind a full page.
func (e *enterprises) Following(after feed.Cursor, limit int) feed.Cursor {
	return e.codes.cursorAt(int(e.Position(after)) + limit)
}

// CheckCursor returns a cursor in its normal form. Its code need not be in the list.
func (e *enterprises) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := parsePlace(e.label, c, cursorsOfCodes)
	return p.cursor(), err
}

// Locate is the code of a row.
func (e *enterprises) Locate(b feed.Batch, i int) feed.Cursor {
	code, _ := b.Get(i, codeName).(string)
	return place{Code: code}.cursor()
}

// Reread asks again for codes; those the platform does not know are left out.
func (e *enterprises) Reread(ctx context.Context, at []feed.Cursor) (feed.Batch, error) {
	page := feed.Page{Rows: feed.Batch{Columns: e.columns}}
	for i, c := range at {
		p, err := parsePlace(e.label, c, cursorsOfCodes)
		if err != nil {
			return feed.Batch{}, err
		}
		if err := e.add(ctx, &page, i, p.Code); err != nil {
			return feed.Batch{}, err
		}
	}
	return page.Rows, nil
}
