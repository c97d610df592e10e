package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	seal "milkrun/sync/envelope"
)

// MaxCreditPage is the largest pagesize (A.3 of the document).
const MaxCreditPage = 1000

// CreditOptions says what the stand-in of 商务诚信公共服务平台 holds and how it writes. The zero value is the usual one.
type CreditOptions struct {
	// Count is the number of enterprises; 0 means 1,700,000, below 0 none.
	Count int
	// Sorted serves them in the order of their codes instead of one that looks random.
	Sorted bool
	// Strings writes result, pageno, count and pagesize as strings.
	Strings bool
	// Flat writes the fields beside msg and result instead of into data (contradiction E1 of the document).
	Flat bool
	// Spaces puts spaces around codes and behind grades, as the document's samples have them.
	Spaces bool
	// Drift changes the list while it is read.
	Drift Drift
	// AccessID, Username and Password are the credentials; test ones when empty. The password can be changed (updatePassword).
	AccessID, Username, Password string
	// Envelope is how messages are sealed, nil or off for in clear. The stand-in seals its answers for the private key of the
	// profile, which is then that of [Credit.Settings].
	Envelope *seal.Profile
	// PwdTransform is how the password comes; only "rsa" makes a difference: the key of getPublicKey is an RSA one then.
	PwdTransform string
	// TokenLife is how long a token is good, two hours when 0.
	TokenLife time.Duration
}

// Credit is the stand-in of 商务诚信公共服务平台: its queries getEnterpriseGrades, getEnterpriseGrade and
// getPublicResourcesTrading, and the account's operations getPublicKey, getToken, updatePassword and uploadAuthorization.
// It is safe for concurrent use.
type Credit struct {
	account *accounts
	opts    CreditOptions
	reg     *registry
	pool    sync.Pool
	now     atomic.Pointer[ledger]
	mu      sync.Mutex // held while an edit replaces now
	script  *script
	pages   atomic.Int64
	singles atomic.Int64
	uploads atomic.Int64
	refused atomic.Int64
}

// CreditStats counts calls: pages and single grades answered, authorisations taken, and calls refused.
type CreditStats struct{ Pages, Singles, Uploads, Refused int64 }

// NewCredit returns the stand-in. A script in Drift that makes no sense is left out.
func NewCredit(o CreditOptions) *Credit {
	if o.Count == 0 {
		o.Count = 1_700_000
	}
	o.Count = max(0, o.Count)
	o.AccessID = or(o.AccessID, "sandbox-accessid")
	o.Username = or(o.Username, "sandbox")
	o.Password = or(o.Password, "sandbox-password")
	c := &Credit{opts: o, reg: newRegistry(o.Count, o.Sorted), script: newScript(Drift{})}
	c.pool.New = func() any { return new([]byte) }
	c.account = newAccounts(o)
	c.now.Store(newLedger(o.Count))
	_ = c.SetDrift(o.Drift)
	return c
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// Describe says what the stand-in holds and has done, on one line.
func (c *Credit) Describe() string {
	s := c.Stats()
	return fmt.Sprintf("%d enterprises; %d pages and %d single grades answered, %d calls refused", c.Count(), s.Pages, s.Singles, s.Refused)
}

// Stats returns the counts of calls so far.
func (c *Credit) Stats() CreditStats {
	return CreditStats{c.pages.Load(), c.singles.Load(), c.uploads.Load(), c.refused.Load()}
}

// Count is the number of enterprises in the list now.
func (c *Credit) Count() int { return c.now.Load().count }

// Each calls yield for every enterprise now in the list, in its order, until it returns false. Edits made meanwhile are
// not seen.
func (c *Credit) Each(yield func(code, name, grade string) bool) {
	l := c.now.Load()
	l.each(0, l.count, func(slot int) bool {
		n := c.reg.number(slot)
		return yield(string(c.reg.appendCode(nil, n)), string(c.reg.appendName(nil, n)), c.grade(l, n))
	})
}

func (c *Credit) grade(l *ledger, number int) string {
	return c.reg.grades[(c.reg.grade(number)+l.shift(number))%5]
}

// Insert adds n new enterprises before the one at position at, counted from 0; positions behind the end mean the end.
func (c *Credit) Insert(at, n int) { c.edit(func(l *ledger) *ledger { return l.insert(at, n) }) }

// Delete removes the n enterprises from position at on, or as many as there are.
func (c *Credit) Delete(at, n int) { c.edit(func(l *ledger) *ledger { return l.delete(at, n) }) }

// Move takes the enterprise at position from away and puts it where it then stands at position to.
func (c *Credit) Move(from, to int) { c.edit(func(l *ledger) *ledger { return l.move(from, to) }) }

// Regrade gives every n-th enterprise the grade after its own, and AA after D.
func (c *Credit) Regrade(n int) { c.edit(func(l *ledger) *ledger { return l.regrade(n) }) }

func (c *Credit) edit(f func(*ledger) *ledger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Store(f(c.now.Load()))
}

// SetDrift starts another script; the zero Drift ends the running one.
func (c *Credit) SetDrift(d Drift) error {
	if err := d.check(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = newScript(d)
	return nil
}

// Drift returns the running script with the number of changes it has made.
func (c *Credit) Drift() Drift {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.script.Drift
}

// ServeHTTP answers the operations; the operation is the last element of the path.
func (c *Credit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := path.Base(r.URL.Path)
	serve := c.operation(op)
	if serve == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost && op != "getPublicKey" {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	p, err := creditParams(w, r)
	if err != nil {
		c.refuse(w, http.StatusBadRequest, "请求报文格式错误: "+err.Error())
		return
	}
	if c.account.sealed() && inEnvelope(op) {
		c.serveSealed(w, r, p, serve)
		return
	}
	serve(w, r, p)
}

// operation answers one operation, with the parameters in clear.
type operation func(w http.ResponseWriter, r *http.Request, p map[string]string)

// operation is that of a name, nil when there is none.
func (c *Credit) operation(name string) operation {
	switch name {
	case "getEnterpriseGrades":
		return c.admitted(func(w http.ResponseWriter, _ *http.Request, p map[string]string) { c.servePage(w, p) })
	case "getEnterpriseGrade":
		return c.admitted(func(w http.ResponseWriter, _ *http.Request, p map[string]string) { c.serveOne(w, p["uniscId"]) })
	case "getPublicResourcesTrading":
		return c.admitted(c.serveTrading)
	case "uploadAuthorization":
		return c.admitted(c.serveUpload)
	case "getPublicKey":
		return c.servePublicKey
	case "getToken":
		return c.serveToken
	case "updatePassword":
		return c.servePassword
	}
	return nil
}

// admitted lets only those pass who have a token, or all of accessid, username and pwd.
func (c *Credit) admitted(serve operation) operation {
	return func(w http.ResponseWriter, r *http.Request, p map[string]string) {
		if why := c.refusal(r, p); why != "" {
			c.refuse(w, http.StatusOK, why)
			return
		}
		serve(w, r, p)
	}
}

func (c *Credit) servePage(w http.ResponseWriter, p map[string]string) {
	pageno, err1 := positive(p["pageno"], 1)
	size, err2 := positive(p["pagesize"], MaxCreditPage)
	if err := errors.Join(err1, err2); err != nil {
		c.refuse(w, http.StatusOK, "pageno、pagesize 须为正整数")
		return
	}
	if size > MaxCreditPage {
		c.refuse(w, http.StatusOK, fmt.Sprintf("pagesize 超过上限 %d", MaxCreditPage))
		return
	}
	buf := c.pool.Get().(*[]byte)
	defer c.pool.Put(buf)
	l := c.now.Load()
	*buf = c.appendPage((*buf)[:0], l, pageno, size)
	c.pages.Add(1)
	c.step()
	writeJSON(w, http.StatusOK, *buf)
}

// step lets the script change the list after a page request.
func (c *Credit) step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Store(c.script.step(c.now.Load()))
}

func (c *Credit) appendPage(b []byte, l *ledger, pageno, size int) []byte {
	b = c.open(b)
	b = c.appendInt(append(b, `"pageno":`...), pageno)
	b = c.appendInt(append(b, `,"count":`...), l.count)
	b = c.appendInt(append(b, `,"pagesize":`...), size)
	b = append(b, `,"companyList":[`...)
	empty := len(b)
	if pageno-1 <= l.count/size {
		l.each((pageno-1)*size, size, func(slot int) bool {
			b = append(c.appendRow(b, l, c.reg.number(slot)), ',')
			return true
		})
	}
	if len(b) > empty {
		b = b[:len(b)-1]
	}
	return c.close(append(b, ']'))
}

// open and close write the envelope around the fields of data.
func (c *Credit) open(b []byte) []byte {
	b = c.appendInt(append(b, `{"msg":"获取企业诚信等级成功","result":`...), 1)
	if c.opts.Flat {
		return append(b, ',')
	}
	return append(b, `,"data":{`...)
}

func (c *Credit) close(b []byte) []byte {
	if c.opts.Flat {
		return append(b, '}')
	}
	return append(b, "}}"...)
}

func (c *Credit) appendInt(b []byte, n int) []byte {
	if c.opts.Strings {
		return append(strconv.AppendInt(append(b, '"'), int64(n), 10), '"')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func (c *Credit) appendRow(b []byte, l *ledger, number int) []byte {
	b = append(b, '{')
	b = c.appendFields(b, l, number)
	return append(b, '}')
}

func (c *Credit) appendFields(b []byte, l *ledger, number int) []byte {
	lead, trail := `"uniscId":"`, `"`
	if c.opts.Spaces {
		lead, trail = `"uniscId":" `, ` "`
	}
	b = c.reg.appendCode(append(b, lead...), number)
	b = append(append(b, trail...), `,"enterpriseName":"`...)
	b = c.reg.appendName(b, number)
	b = append(b, `","assessGrade":"`...)
	return append(append(b, c.grade(l, number)...), trail...)
}

func (c *Credit) serveOne(w http.ResponseWriter, code string) {
	l := c.now.Load()
	number, ok := c.reg.find(code)
	if !ok || !l.holds(c.reg.slot(number)) {
		c.refuse(w, http.StatusOK, "企业不存在")
		return
	}
	c.singles.Add(1)
	writeJSON(w, http.StatusOK, c.close(c.appendFields(c.open(nil), l, number)))
}

func (c *Credit) refuse(w http.ResponseWriter, status int, msg string) {
	c.refused.Add(1)
	text, _ := json.Marshal(msg)
	b := append(append([]byte(`{"msg":`), text...), `,"result":`...)
	writeJSON(w, status, append(c.appendInt(b, 0), '}'))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader went away: nobody is left to tell
}

func positive(s string, fallback int) (int, error) {
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a positive number", s)
	}
	return int(n), nil
}

// creditParams reads the parameters of a JSON or form body. In JSON, pageno and pagesize may be numbers.
func creditParams(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "":
		if r.Method == http.MethodGet {
			return formParams([]byte(r.URL.RawQuery))
		}
	case "multipart/form-data":
		return multipartParams(body, params["boundary"])
	case "application/json":
		return jsonParams(body)
	case formType:
		return formParams(body)
	}
	return nil, fmt.Errorf("content type %q is neither application/json nor %s", kind, formType)
}

func jsonParams(body []byte) (map[string]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	p := make(map[string]string, len(raw))
	for k, v := range raw {
		var s string
		if json.Unmarshal(v, &s) == nil {
			p[k] = s
		} else if k == "pageno" || k == "pagesize" {
			p[k] = strings.TrimSpace(string(v))
		} else {
			return nil, fmt.Errorf("%s is not a string", k)
		}
	}
	return p, nil
}
