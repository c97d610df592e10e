package sandbox

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	seal "milkrun/sync/envelope"
)

// operate posts the parameters to an operation of the stand-in, and returns the answer's text.
func operate(t testing.TB, c *Credit, op string, params map[string]any, header ...string) string {
	t.Helper()
	return call(t, c, creditURL+op, "application/json", jsonText(t, params), header...).body
}

func newParty(t testing.TB, c *Credit, p *seal.Profile) *seal.Party {
	t.Helper()
	own, err := seal.ParsePrivate(c.Settings("")["envelope.key.own"])
	if err != nil {
		t.Fatal(err)
	}
	platform, err := seal.ParsePublic(c.Settings("")["envelope.key.partner"], "pem")
	if err != nil {
		t.Fatal(err)
	}
	return p.Side(own, platform, nil, time.Now)
}

func sealedProfile(t testing.TB, keys map[string]any) *seal.Profile {
	t.Helper()
	p := seal.NewProfile()
	if err := p.Group("envelope").Set(keys); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCreditTokens(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 3})
	body := operate(t, c, "getToken", login(nil))
	var a struct {
		Msg    string
		Result int
		Data   struct {
			Token     string
			ExpiresIn int
		}
	}
	if parse(t, body, &a); a.Result != 1 || a.Data.ExpiresIn != 7200 || len(a.Data.Token) != 32 {
		t.Fatal(body)
	}
	without := map[string]any{"accessid": "sandbox-accessid", "username": "sandbox", "pagesize": 1}
	for name, header := range map[string][]string{"bearer": {"Authorization", "Bearer " + a.Data.Token}, "bare": {"Authorization", a.Data.Token}, "token": {"token", a.Data.Token}} {
		if got := operate(t, c, "getEnterpriseGrades", without, header...); !strings.Contains(got, `"result":1`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, got := range map[string]string{
		"no token": operate(t, c, "getEnterpriseGrades", without), "other token": operate(t, c, "getEnterpriseGrades", without, "token", "x"),
		"token and wrong password": operate(t, c, "getEnterpriseGrades", login(map[string]any{"pwd": "x"}), "token", a.Data.Token),
		"wrong password":           operate(t, c, "getToken", login(map[string]any{"pwd": "x"})),
	} {
		if !strings.Contains(got, `"result":0`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if c.ExpireTokens(); !strings.Contains(operate(t, c, "getEnterpriseGrades", without, "token", a.Data.Token), "令牌") {
		t.Error("the token has no end")
	}
}

func TestCreditPassword(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 3})
	change := func(old, next string) string {
		return operate(t, c, "updatePassword", login(map[string]any{"oldPwd": old, "newPwd": next}))
	}
	if got := change("wrong", "long enough"); !strings.Contains(got, `"result":0`) {
		t.Error(got)
	}
	if got := change("sandbox-password", "short"); !strings.Contains(got, `"result":0`) || c.Password() != "sandbox-password" {
		t.Error(got)
	}
	if got := change("sandbox-password", "long enough"); !strings.Contains(got, `"result":1`) || c.Password() != "long enough" {
		t.Error(got)
	}
	key, err := seal.ParsePublic(c.Settings("")["envelope.key.partner"], "")
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{seal.Plain, seal.MD5, seal.SM3, seal.SM2} {
		pwd, err := seal.NewProfile().Transform(way, key, "long enough")
		if err != nil {
			t.Fatal(err)
		}
		if got := operate(t, c, "getEnterpriseGrades", login(map[string]any{"pwd": pwd})); !strings.Contains(got, `"result":1`) {
			t.Errorf("%s: %s", way, got)
		}
	}
	if got := operate(t, c, "getEnterpriseGrades", login(nil)); !strings.Contains(got, "密码错误") {
		t.Error(got)
	}
}

func TestCreditLicenceAndTrading(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 20})
	for _, e := range truth(c) {
		trades := c.Trades(e.UniscID)
		got := operate(t, c, "getPublicResourcesTrading", login(map[string]any{"uniscId": e.UniscID, "licenseID": LicenceOf(e.UniscID)}))
		if !strings.Contains(got, `"result":1`) || strings.Count(got, "projectName") != len(trades) || len(trades) > 0 && strings.Count(got, e.EnterpriseName) != 1 {
			t.Errorf("%s: %s", e.UniscID, got)
		}
		for _, bad := range []string{"", "LIC0"} {
			if got := operate(t, c, "getPublicResourcesTrading", login(map[string]any{"uniscId": e.UniscID, "licenseID": bad})); !strings.Contains(got, "授权") {
				t.Error(got)
			}
		}
		got = operate(t, c, "uploadAuthorization", login(map[string]any{"uniscId": e.UniscID, "file": "JVBERi0=", "fileName": "a.pdf"}))
		if !strings.Contains(got, LicenceOf(e.UniscID)) {
			t.Error(got)
		}
	}
	for name, params := range map[string]map[string]any{"unknown": {"uniscId": "911400001100123440", "file": "JVBERi0="}, "empty": {"uniscId": truth(c)[0].UniscID, "file": ""}} {
		if got := operate(t, c, "uploadAuthorization", login(params)); !strings.Contains(got, `"result":0`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
	body := fmt.Sprintf(form, "accessid", "sandbox-accessid") + fmt.Sprintf(form, "username", "sandbox") + fmt.Sprintf(form, "pwd", "sandbox-password") +
		fmt.Sprintf(form, "uniscId", truth(c)[0].UniscID) + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF\r\n--b--\r\n"
	if got := call(t, c, creditURL+"uploadAuthorization", "multipart/form-data; boundary=b", body).body; !strings.Contains(got, "LIC") {
		t.Error(got)
	}
}

// TestCreditEnvelope seals a request by hand, in both modes.
func TestCreditEnvelope(t *testing.T) {
	for mode, keys := range map[string]map[string]any{"data-only": {}, "whole-body": {"mode": "whole-body", "sign": map[string]any{"alg": "sm2"}}} {
		p := sealedProfile(t, keys)
		c := NewCredit(CreditOptions{Count: 3, Envelope: p})
		party := newParty(t, c, p)
		inside := map[string]any{"pageno": 1, "pagesize": 2}
		if mode == "whole-body" {
			inside = login(inside)
		}
		m, err := party.Seal([]byte(jsonText(t, inside)))
		if err != nil {
			t.Fatal(err)
		}
		outside := map[string]any{}
		if mode == "data-only" {
			outside = login(nil)
		}
		for name, v := range m.Fields {
			outside[name] = v
		}
		open := func() (string, error) {
			var a map[string]any
			parse(t, operate(t, c, "getEnterpriseGrades", outside), &a)
			fields := map[string]string{}
			for _, name := range p.FieldNames() {
				fields[name], _ = a[name].(string)
			}
			plain, _, err := party.Open(fields, m)
			return string(plain), err
		}
		if plain, err := open(); err != nil || strings.Count(plain, "assessGrade") != 2 || strings.Contains(plain, `"result"`) != (mode == "whole-body") {
			t.Errorf("%s: %s, %v", mode, plain, err)
		}
		c.Spoil(1)
		if plain, err := open(); err == nil || plain != "" {
			t.Errorf("%s: a spoiled answer opens to %s", mode, plain)
		}
		outside["digest"] = "00"
		if got := operate(t, c, "getEnterpriseGrades", outside); !strings.Contains(got, "摘要") || !strings.Contains(got, `"result":0`) {
			t.Errorf("%s: a wrong digest: %s", mode, got)
		}
		if got := operate(t, c, "getEnterpriseGrades", login(nil)); !strings.Contains(got, `"result":0`) {
			t.Errorf("%s: in clear: %s", mode, got)
		}
	}
}

func TestCreditPublicKey(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 3})
	want := url.QueryEscape("BEGIN PUBLIC KEY")
	got := operate(t, c, "getPublicKey", login(nil))
	if !strings.Contains(got, strings.ReplaceAll(want, "+", " ")) {
		t.Error(got)
	}
	if got := operate(t, c, "getPublicKey", map[string]any{"accessid": "x"}); !strings.Contains(got, `"result":0`) {
		t.Error(got)
	}
}
