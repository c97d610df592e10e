package credit

import (
	"fmt"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

// query is one request for a page of limit records.
type query struct {
	transport.Call
	page  int64
	limit int
}

// judge returns why an answer is no page, nil when it is one. Nothing but result 1 is success, and all doubts are
// tried again: what a busy platform answers once it need not answer twice, and the job's retry budget bounds it.
func (q query) judge(a *answer) *feed.Error {
	if !a.succeeded() {
		return q.failure(a)
	}
	code, why := "page", a.fault
	if why == "" {
		code, why = a.mismatch(q)
	}
	if why == "" {
		return nil
	}
	e := feed.Errorf(feed.Retry, code, "%s: %s", q.Op, why)
	if code == "pagesize" {
		return e.WithRemedy("set page_size = %d", a.pagesize().n)
	}
	return e.WithRemedy(transport.TriedAgain + "compare the answer with the platform's document, or ask the platform")
}

func (a *answer) succeeded() bool {
	r := a.result
	return r.form == scan.Number && r.value == "1" || r.form == scan.Text && uscc.Trim(r.value) == "1"
}

// mismatch returns how a page contradicts what was asked for, with a short code.
func (a *answer) mismatch(q query) (code, why string) {
	count, pageno, pagesize := a.count(), a.pageno(), a.pagesize()
	due := min(int64(q.limit), count.n-(q.page-1)*int64(q.limit)) // records the page should have
	got := int64(a.places)
	switch {
	case count.form != scan.Number:
		return "count", "count is missing"
	case pageno.form == scan.Number && pageno.n != q.page:
		return "pageno", fmt.Sprintf("the answer is page %d", pageno.n)
	case got > int64(q.limit):
		return "companyList", fmt.Sprintf("the page has %d records; %d were asked for", got, q.limit)
	case a.list != scan.Container && due > 0:
		return "companyList", fmt.Sprintf("companyList is missing, although count is %d", count.n)
	case pagesize.form == scan.Number && pagesize.n == got && got > 0 && got < due:
		// Page 2 would begin elsewhere than we think: records would be skipped.
		return "pagesize", fmt.Sprintf("the platform answers with pages of %d; %d were asked for", got, q.limit)
	}
	return "", ""
}

// failure judges a result other than 1. Unknown and missing results are never success.
func (q query) failure(a *answer) *feed.Error {
	if a.result.form == scan.Absent {
		return feed.Errorf(feed.Retry, "result missing", "%s: the answer has no result%s", q.Op, q.message(a)).
			WithRemedy(transport.TriedAgain + "check url and path: something else than the platform may be answering")
	}
	result := "result " + transport.Code(a.result.value, q.Secrets...)
	e := feed.Errorf(verdict(a.msg.value), result, "%s: %s%s", q.Op, result, q.message(a))
	if e.Verdict == feed.HaltConnection {
		return e.WithRemedy("check accessid, username and password, and what the platform has authorised, then resume the connection")
	}
	return e.WithRemedy(transport.TriedAgain + "ask the platform what its message means")
}

// verdict reads the platform's message, since it has no codes. A wrong password is not tried again even when the message
// says "later": the platform may lock the account.
func verdict(msg string) feed.Verdict {
	msg = strings.ToLower(msg)
	switch {
	case strings.Contains(msg, "密码"):
		return feed.HaltConnection
	case containsAny(msg, "频繁", "繁忙", "稍后"):
		return feed.Retry
	case containsAny(msg, "鉴权", "用户", "权限", "accessid"):
		return feed.HaltConnection
	}
	return feed.Retry
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// message returns the platform's message as the end of an error text.
func (q query) message(a *answer) string {
	if msg := transport.Said(a.msg.value, q.Secrets...); msg != "" {
		return ": " + msg
	}
	return ""
}
