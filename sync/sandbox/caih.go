package sandbox

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// CaihOptions says how the stand-in of 东信 answers.
type CaihOptions struct {
	// Account, AppID and Token are the credentials; test ones when empty.
	Account, AppID, Token string
	// Signatures are those that are registered; none lets every one pass.
	Signatures []string
	// Poison are numbers that make a whole call fail with -7.
	Poison []string
	// Keep keeps the messages themselves, for [Caih.Messages]; otherwise only a count per number is kept.
	Keep bool
}

// Caih is the stand-in of 东信 云消息. It is safe for concurrent use. Like the real one it knows no idempotency: the same
// call again sends again.
type Caih struct {
	opts   CaihOptions
	pusher pusher

	mu      sync.Mutex
	counts  map[string]int // messages by number
	kept    []CaihMessage
	calls   int64
	refused int64
	total   int64
	poison  []string
}

// CaihMessage is a message as it went out.
type CaihMessage struct {
	Phone, Text, UID, MsgID string
}

// NewCaih returns the stand-in.
func NewCaih(o CaihOptions) *Caih {
	o.Account = or(o.Account, "sandbox-account")
	o.AppID = or(o.AppID, "sandbox-appid")
	o.Token = or(o.Token, "0123456789abcdef0123456789abcdef")
	c := &Caih{opts: o, counts: map[string]int{}, poison: slices.Clone(o.Poison)}
	c.pusher.opts = o
	return c
}

// Settings are the settings of a connection of type caih to this stand-in at url.
func (c *Caih) Settings(url string) map[string]string {
	return map[string]string{"url": url, "account": c.opts.Account, "appid": c.opts.AppID, "token": c.opts.Token}
}

// Describe says what the stand-in has done.
func (c *Caih) Describe() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d messages to %d numbers, %d calls, %d of them refused; status reports: POST {\"to\": address} to /caih/reports",
		c.total, len(c.counts), c.calls, c.refused)
}

// Poison replaces the numbers that make a whole call fail with -7.
func (c *Caih) Poison(phones ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poison = phones
}

// Received is how many messages went to a number.
func (c *Caih) Received(phone string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[phone]
}

// Numbers is how many numbers got a message, and how many messages there were.
func (c *Caih) Numbers() (numbers int, messages int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.counts), c.total
}

// Calls is how many calls came.
func (c *Caih) Calls() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Messages returns what went out, in order. It needs the option Keep.
func (c *Caih) Messages() []CaihMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kept)
}

// caihCall is a request body.
type caihCall struct {
	Account, Password, AppID, Timestamp string
	Phone, Params, Content              string
	SendTime, Extend, UID, BatchID      string
}

// caihAnswer is what a code is answered with.
type caihAnswer struct {
	Code       string `json:"code"`
	Msg        string `json:"msg"`
	MsgID      string `json:"msgid"`
	UID        string `json:"uid"`
	FailNum    string `json:"failnum,omitempty"`
	SuccessNum string `json:"successnum,omitempty"`
}

// caihTexts are the codes of the document.
func caihTexts() map[string]string {
	return map[string]string{"0": "成功", "-1": "json格式错误", "-2": "解析json失败", "-3": "账号余额不足", "-4": "账号不存在", "-5": "鉴权失败",
		"-6": "未找到签名", "-7": "无效的参数值", "-8": "短信内容编码错误", "-9": "模板参数超长", "-10": "号码数量超过1000", "-11": "资费信息不存在",
		"-12": "未匹配到模板", "-13": "模板参数不匹配"}
}

// ServeHTTP answers …/sendsms and …/varsms, and the control address …/reports, which says where status reports go.
func (c *Caih) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch {
	case resource == "reports":
		c.pusher.serve(w, r)
		return
	case resource != "sendsms" && resource != "varsms":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		c.answer(w, caihAnswer{Code: "-1"})
		return
	}
	var call caihCall
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" || json.Unmarshal(body, &call) != nil {
		c.answer(w, caihAnswer{Code: "-1"})
		return
	}
	c.answer(w, c.take(resource, call))
}

func (c *Caih) answer(w http.ResponseWriter, a caihAnswer) {
	c.mu.Lock()
	c.calls++
	if a.Code != "0" {
		c.refused++
	}
	c.mu.Unlock()
	a.Msg = caihTexts()[a.Code]
	text, err := json.Marshal(a)
	if err != nil {
		text = []byte(`{"code":"-1"}`) // texts always marshal
	}
	writeJSON(w, http.StatusOK, text)
}

// take checks a call and sends its messages.
func (c *Caih) take(resource string, call caihCall) caihAnswer {
	a := caihAnswer{UID: call.UID, Code: c.check(call)}
	if a.Code != "0" {
		return a
	}
	var groups []CaihMessage
	asked := strings.Count(call.Phone, ",") + 1
	if resource == "varsms" {
		asked = strings.Count(call.Params, ";") + 1
		groups = readParams(call)
	} else {
		groups = readPhones(call)
	}
	switch {
	case asked > 1000:
		a.Code = "-10"
	case len(groups) == 0 || c.poisoned(groups):
		a.Code = "-7"
	case slices.ContainsFunc(groups, func(m CaihMessage) bool { return utf8.RuneCountInString(m.Text) > 500 }):
		a.Code = "-9"
	}
	if a.Code != "0" {
		return a
	}
	a.MsgID = strings.ToLower(rand.Text())
	for i := range groups {
		groups[i].UID, groups[i].MsgID = call.UID, a.MsgID
	}
	if resource == "varsms" {
		a.SuccessNum, a.FailNum = strconv.Itoa(len(groups)), "0" // what was filtered is not mentioned
	}
	c.send(groups)
	return a
}

var (
	caihSignature = regexp.MustCompile(`^【([^【】]{1,40})】`)
	caihExtend    = regexp.MustCompile(`^[0-9]{0,4}$`)
	caihPhone     = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
)

// check returns the code for everything but the messages.
func (c *Caih) check(call caihCall) string {
	at, err := time.ParseInLocation("20060102150405", call.Timestamp, caihZone())
	sum := md5.Sum([]byte(c.opts.Token + call.Timestamp))
	right := subtle.ConstantTimeCompare([]byte(call.Password), []byte(hex.EncodeToString(sum[:]))) == 1
	switch {
	case call.Account != c.opts.Account:
		return "-4"
	case !right || err != nil || call.AppID != c.opts.AppID || time.Since(at).Abs() > 50*time.Minute:
		return "-5"
	case !utf8.ValidString(call.Content):
		return "-8"
	}
	signature := caihSignature.FindStringSubmatch(call.Content)
	if len(signature) < 2 || len(c.opts.Signatures) > 0 && !slices.Contains(c.opts.Signatures, signature[1]) {
		return "-6"
	}
	if _, err := time.Parse(time.DateTime, call.SendTime); call.SendTime != "" && err != nil || !caihExtend.MatchString(call.Extend) ||
		len(call.UID) > 60 || utf8.RuneCountInString(call.BatchID) > 60 {
		return "-7"
	}
	if strings.ContainsAny(call.Content[len(signature[0]):], "【】") {
		return "-12"
	}
	if strings.Count(call.Content, "{$var}") > 10 {
		return "-13"
	}
	return "0"
}

func caihZone() *time.Location { return time.FixedZone("CST", 8*60*60) }

// readPhones are the messages of a sendsms call.
func readPhones(call caihCall) (list []CaihMessage) {
	for phone := range strings.SplitSeq(call.Phone, ",") {
		if caihPhone.MatchString(phone) {
			list = append(list, CaihMessage{Phone: phone, Text: call.Content})
		}
	}
	return list
}

// readParams are the messages of a varsms call. Groups that cannot be read are left out and not mentioned.
func readParams(call caihCall) (list []CaihMessage) {
	for group := range strings.SplitSeq(call.Params, ";") {
		fields := strings.Split(group, ",")
		if !caihPhone.MatchString(fields[0]) || len(fields)-1 != strings.Count(call.Content, "{$var}") || slices.Contains(fields, "") {
			continue
		}
		text := call.Content
		for _, value := range fields[1:] {
			text = strings.Replace(text, "{$var}", value, 1)
		}
		list = append(list, CaihMessage{Phone: fields[0], Text: text})
	}
	return list
}

func (c *Caih) poisoned(groups []CaihMessage) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(groups, func(m CaihMessage) bool { return slices.Contains(c.poison, m.Phone) })
}

// send counts messages, and has them reported.
func (c *Caih) send(groups []CaihMessage) {
	c.mu.Lock()
	for _, m := range groups {
		c.counts[m.Phone]++
		c.total++
		if c.opts.Keep {
			c.kept = append(c.kept, m)
		}
	}
	c.mu.Unlock()
	c.pusher.sent(groups)
}
