package caih

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
)

// maxReport bounds the body of one report.
const maxReport = 16 << 10

// Listens returns where status reports come in, an empty address when they are not received.
func (c *connection) Listens() (address, path string) { return c.reports.listen, c.reports.path }

// Receive returns the handler of status reports. It answers 200 with an empty body once a report is kept, be it new or not;
// 401 to who does not know the token; 400 to what is no report; 503 when it could not be kept, so that it comes again.
func (c *connection) Receive(in kind.Inbox) http.Handler {
	return &receiver{connection: c, inbox: in, people: newPeople(c.token)}
}

type receiver struct {
	*connection
	inbox  kind.Inbox
	people people
}

// ServeHTTP takes one report.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxReport))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		return // the caller is gone
	}
	n, err := readNotice(body)
	if err != nil {
		http.Error(w, "not a status report: "+err.Error(), http.StatusBadRequest)
		return
	}
	if why := r.refuses(n, time.Now()); why != "" {
		r.inbox.Refused(req.Context(), caller(req), why)
		http.Error(w, "not authorised", http.StatusUnauthorized)
		return
	}
	report, err := n.report(r.people)
	if err != nil {
		http.Error(w, "not a status report: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := r.inbox.Report(req.Context(), report); err != nil {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func caller(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return host
}

// refuses says why a notice is not the partner's, "" when it is. All of it is compared whatever the first says.
func (r *receiver) refuses(n notified, now time.Time) string {
	same := equal(string(n.Account), r.account) & equal(string(n.AppID), r.appID)
	right := subtle.ConstantTimeCompare([]byte(strings.ToLower(string(n.Password))), []byte(password(r.token, string(n.Timestamp))))
	at, err := time.ParseInLocation(stampLayout, string(n.Timestamp), shanghai())
	off := now.Sub(at).Abs()
	switch {
	case same != 1:
		return "wrong account or appId"
	case right != 1:
		return "wrong password"
	case err != nil || off > r.reports.tolerance:
		return "the timestamp is too far from our clock"
	}
	return ""
}

func equal(text string, s secret.Secret) int {
	return subtle.ConstantTimeCompare([]byte(text), []byte(s.Reveal()))
}

// notified is a status report on the wire.
type notified struct {
	Account, Password, AppID, Timestamp word
	MsgID, UID, Phone, Status, Desc     word
	ReportTime                          word
}

// readNotice reads the JSON of a report. Its errors do not quote it.
func readNotice(body []byte) (notified, error) {
	var n notified
	if err := json.Unmarshal(body, &n); err != nil {
		return n, errors.New("no JSON object of texts")
	}
	return n, nil
}

// report is a notice as it is kept: without the number.
func (n notified) report(p people) (kind.Report, error) {
	at, err := time.ParseInLocation(timeLayout, string(n.ReportTime), shanghai())
	status := strings.ToUpper(string(n.Status))
	switch {
	case err != nil:
		return kind.Report{}, errors.New("reporttime is not of the form yyyy-MM-dd HH:mm:ss")
	case status != "SUCCESS" && status != "FAIL":
		return kind.Report{}, errors.New("status is neither SUCCESS nor FAIL")
	case n.MsgID == "" && n.UID == "":
		return kind.Report{}, errors.New("neither msgid nor uid")
	case n.Phone == "":
		return kind.Report{}, errors.New("no phone")
	}
	return kind.Report{Ref: cut(string(n.MsgID), 200), Batch: cut(string(n.UID), maxID), Person: p.digest(string(n.Phone)), Shown: shown(string(n.Phone)),
		Delivered: status == "SUCCESS", Code: cut(string(n.Desc), 60), At: at}, nil
}
