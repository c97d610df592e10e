package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/kind"
)

// signTOML has the partner's codes in files, a connection of the agreement's interface, and one that signs nothing.
const signTOML = affairsTOML + `
[connections.partner]
type        = "exchange"
url         = "https://partner.example.com/api"
hmac_key    = "file:hmackey"
hmac_secret = "file:hmacsecret"

[jobs.users]
source = { connection = "inbox", path = "users.csv" }
sink   = { connection = "partner", resource = "users" }
`

func signPlace(t *testing.T, appCode, moduleCode, appSecret string) *place {
	t.Helper()
	p := newPlace(t, strings.Replace(signTOML, "BUSIPUSH", "https://open.example.gov.cn", 1))
	for name, text := range map[string]string{"appcode": appCode, "modulecode": moduleCode, "appsecret": appSecret,
		"hmackey": "key-1", "hmacsecret": "hmac-secret-of-the-agreement"} {
		p.write(name, text)
	}
	return p
}

func TestSignReproducesTheVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/sign.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		ID, AppSecret, Sign string
		Params              map[string]string
		Text                string `json:"string_to_sign_pairs_sorted"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		p := signPlace(t, v.Params["appcode"], v.Params["modulecode"], v.AppSecret)
		args := []string{"sign", "jinlaiban", "--timestamp", v.Params["timestamp"], "--nonce", v.Params["nonce"]}
		for _, key := range slices.Sorted(maps.Keys(v.Params)) {
			if !slices.Contains([]string{"appcode", "modulecode", "timestamp", "nonce"}, key) {
				args = append(args, "--param", key+"="+v.Params[key])
			}
		}
		signed := strings.TrimSuffix(v.Text, v.AppSecret)
		p.run(args...).exits(exitDone).says(v.Sign, signed, "sign="+v.Sign).hides(v.AppSecret)
		var s kind.Signature
		p.run(append(args, "--json")...).exits(exitDone).hides(v.AppSecret).json(&s)
		if s.Signature != v.Sign || !strings.HasPrefix(s.StringToSign, signed) {
			t.Errorf("%s: %+v", v.ID, s)
		}
	}
}

func TestSignOfTheAgreement(t *testing.T) {
	p := signPlace(t, "a", "m", "s")
	body := p.write("body.json", `{"records":[]}`)
	args := []string{"sign", "partner", "--timestamp", "1700000000", "--nonce", "n-1", "--resource", "users", "--json"}
	var s, empty kind.Signature
	p.run(append(args, "--body", body)...).exits(exitDone).hides("hmac-secret-of-the-agreement").json(&s)
	p.run(args...).exits(exitDone).json(&empty)
	if !strings.HasPrefix(s.StringToSign, "POST\n/api/users\n1700000000\nn-1\n") || s.Signature == empty.Signature {
		t.Errorf("%+v, without the body %+v", s, empty)
	}
	p.run("sign", "partner", "--param", "a=b").exits(exitUsage).says("signing for connection partner", "parameters")
	p.run("sign", "partner", "--body", body+".gone").exits(exitUsage).says("--body", "no such file")
}

func TestSignOfAConnectionThatDoesNot(t *testing.T) {
	p := signPlace(t, "a", "m", "s")
	p.run("sign", "inbox").exits(exitUsage).says("connection inbox of type file signs no requests", "these do: jinlaiban, partner")
	p.run("sign", "jinlaibna").exits(exitUsage).says(`there is no connection "jinlaibna"`, `did you mean "jinlaiban"?`)
	p.run("sign", "jinlaiban", "--param", "remark").exits(exitUsage).says(`"remark" is not written as k=v`)
	p.run("sign").exits(exitUsage).says("write: milkrun sign CONNECTION")
}
