package caih

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// unauthorised is the answer -5.
type unauthorised struct{ err error }

func (u *unauthorised) Error() string { return u.err.Error() }
func (u *unauthorised) Unwrap() error { return u.err }

// judge reads a 2xx answer. Only the code 0 is success. What cannot be read, and a code that the document does not know, leave
// the outcome unknown.
func judge(call transport.Call, r transport.Response, resource, id string, groups int) (feed.Receipt, error) {
	a, err := parse(r.Body)
	if err != nil {
		return feed.Receipt{}, call.Unreadable(r, err)
	}
	if a.Code == "0" {
		return a.receipt(resource, id, groups), nil
	}
	said := ""
	if a.Msg != "" {
		said = ": " + transport.Said(string(a.Msg), call.Secrets...)
	}
	code := string(a.Code)
	if code == "-2" && strings.Contains(string(a.Msg), "鉴权") {
		code = "-5" // F1
	}
	m, known := meanings(code)
	if !known {
		shown := transport.Code(code, call.Secrets...)
		return feed.Receipt{}, feed.Errorf(feed.Retry, shown, "%s: the answer has the code %q, which the document does not know%s", call.Op, shown, said)
	}
	e := feed.Errorf(m.verdict, string(a.Code), "%s: 东信 refuses with %s %s%s", call.Op, a.Code, m.name, said).WithRemedy("%s", m.remedy)
	if code == "-5" {
		return feed.Receipt{}, &unauthorised{e}
	}
	return feed.Receipt{}, e
}

// meaning is what the document says of a code, and what is done about it.
type meaning struct {
	name    string
	verdict feed.Verdict
	remedy  string
}

// meanings knows the codes of the document but 0.
func meanings(code string) (meaning, bool) {
	const again = "; nothing was sent"
	m, ok := map[string]meaning{
		"-1":  {"json格式错误", feed.HaltJob, "report this as a defect, with the time of the call; then resume the job" + again},
		"-2":  {"解析json失败", feed.HaltJob, "report this as a defect, with the time of the call; then resume the job" + again},
		"-3":  {"账号余额不足", feed.HaltConnection, "recharge the account, then resume the connection; the rest is sent then" + again},
		"-4":  {"账号不存在", feed.HaltConnection, "check account, then resume the connection" + again},
		"-5":  {"鉴权失败", feed.HaltConnection, "check token, appid and the machine's clock (milkrun doctor --deep), then resume the connection" + again},
		"-6":  {"未找到签名", feed.HaltJob, "check signature, or have it registered with the platform; then resume the job" + again},
		"-7":  {"无效的参数值", feed.Refuse, "the batch is halved down to the record to blame, which becomes a dead letter"},
		"-8":  {"短信内容编码错误", feed.HaltJob, "check content, then resume the job" + again},
		"-9":  {"模板参数超长", feed.Refuse, "the batch is halved down to the record to blame, which becomes a dead letter"},
		"-10": {"号码数量超过1000", feed.Refuse, "the batch is halved and sent again"},
		"-11": {"资费信息不存在", feed.HaltConnection, "ask the platform for a tariff, then resume the connection" + again},
		"-12": {"未匹配到模板", feed.HaltJob, "compare content with the template that was registered, then resume the job" + again},
		"-13": {"模板参数不匹配", feed.HaltJob, "compare content and params with the template that was registered, then resume the job" + again},
	}[code]
	return m, ok
}

// answer is {code, msg, msgid, uid}, for varsms with failnum and successnum.
type answer struct {
	Code, Msg, MsgID, UID, FailNum, SuccessNum word
}

// receipt says what is not clear about an answer of success.
func (a answer) receipt(resource, id string, groups int) feed.Receipt {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if a.MsgID == "" {
		note("the answer has no msgid")
	}
	if a.UID != "" && string(a.UID) != id {
		note("the answer names another uid")
	}
	if resource == "varsms" {
		failed, err1 := strconv.Atoi(string(a.FailNum))
		sent, err2 := strconv.Atoi(string(a.SuccessNum))
		switch {
		case err1 != nil || err2 != nil:
			note("the answer does not say how many of %s were taken", messages(groups))
		case failed+sent != groups || failed < 0 || sent < 0:
			note("of %s the partner counts %d as taken and %d as failed, and does not say which the others are", messages(groups), sent, failed)
		case failed > 0:
			note("the partner counts %d of %s as failed, and does not say which", failed, messages(groups))
		}
	}
	if len(notes) > 0 {
		note("status reports will tell (milkrun messages list)")
	}
	return feed.Receipt{Ref: cut(string(a.MsgID), 200), Note: strings.Join(notes, "; ")}
}

func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}

// word is a text that may be written as a number; null is none.
type word string

// UnmarshalJSON takes a text, a number or null.
func (w *word) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		if text = string(b); b[0] != '-' && (b[0] < '0' || b[0] > '9') {
			return fmt.Errorf("a text or a number is expected, not %.20q", b)
		}
	}
	*w = word(strings.TrimSpace(text))
	return nil
}

// parse reads an answer, which has a code.
func parse(body []byte) (answer, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, err
	}
	if a.Code == "" {
		return answer{}, fmt.Errorf("it has no code")
	}
	return a, nil
}
