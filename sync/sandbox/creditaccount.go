package sandbox

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"hash/fnv"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"time"

	seal "milkrun/sync/envelope"
)

// The test keys: those of the platform and of whoever asks it, and the one both know, from the examples of GB/T 32918.5 and
// GB/T 32907. They protect nothing.
const (
	sandboxPlatformKey = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
	sandboxOwnKey      = "128b2fa8bd433c6c068c8d803dff79792a519a55171b1b650c23661d15897263"
	sandboxSharedKey   = "0123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210"
	sandboxDigestKey   = "sandbox-digest-key"
)

// accounts is what the stand-in knows of its one user, and the keys of both sides.
type accounts struct {
	profile   *seal.Profile
	life      time.Duration
	own, user string // private keys: of the platform, and of whoever asks it
	platform  *seal.Private
	mu        sync.Mutex
	password  string
	tokens    map[string]time.Time // until when
	party     *seal.Party
	spoil     int // how many of the next sealed answers carry a wrong digest
	shared    string
	pwds      *seal.Profile // for reading passwords, when messages are in clear
}

func newAccounts(o CreditOptions) *accounts {
	a := &accounts{life: o.TokenLife, password: o.Password, tokens: map[string]time.Time{}}
	if a.life == 0 {
		a.life = 2 * time.Hour
	}
	a.speak(o.Envelope, o.PwdTransform)
	return a
}

// Speak has the stand-in go by the profile of a connection, and by the way its password is sent; see CreditOptions. It is called before
// the first request; the settings are others afterwards.
func (c *Credit) Speak(profile *seal.Profile, pwdTransform string) {
	c.account.speak(profile, pwdTransform)
}

func (a *accounts) speak(profile *seal.Profile, pwdTransform string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.profile, a.party, a.pwds = profile, nil, profile
	if profile == nil {
		a.pwds = seal.NewProfile()
	}
	a.own, a.user, a.shared = sandboxPlatformKey, sandboxOwnKey, sandboxSharedKey[:2*a.pwds.KeySize()]
	if pwdTransform == seal.RSA || a.sealed() && profile.RSA() {
		a.own, a.user = rsaKey(), rsaKey()
	}
	a.platform, _ = seal.ParsePrivate(a.own) // ours: it can be read
}

func rsaKey() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// Settings are the settings of a connection of type credit to this stand-in at url. Keys of tables are dotted; where one says how
// the platform's operations are called, it is taken away, as the stand-in calls them by their defaults.
func (c *Credit) Settings(url string) map[string]string {
	all := map[string]string{"url": url, "accessid": c.opts.AccessID, "username": c.opts.Username, "password": c.opts.Password}
	for table, keys := range map[string]string{
		"account": "path", "account.public_key": "op method params field id_field format", "account.token": "op params field expires_field send_as prefix errors",
		"account.password": "op params", "account.licence": "op code_field file_field name_field field",
	} {
		for _, key := range strings.Fields(keys) {
			all[table+"."+key] = ""
		}
	}
	all["envelope.key.own"], all["envelope.key.shared"], all["envelope.digest.key"] = c.account.user, c.account.shared, sandboxDigestKey
	all["envelope.key.partner"] = publicPEM(c.account.platform)
	return all
}

func publicPEM(key *seal.Private) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key.Public().DER()}))
}

// inEnvelope says whether an operation is sealed, where messages are: those of the account are not, as they fetch the keys.
func inEnvelope(op string) bool {
	return op != "getPublicKey" && op != "getToken" && op != "updatePassword"
}

// refusal is why a request is not let in, "" when it is. A token takes the place of the password, which must be right all the
// same when it is there.
func (c *Credit) refusal(r *http.Request, p map[string]string) string {
	token := or(p["token"], or(r.Header.Get("token"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	if p["accessid"] != c.opts.AccessID || p["username"] != c.opts.Username || (token == "" || p["pwd"] != "") && !c.knows(p["pwd"]) {
		return "accessid、用户名或密码错误"
	}
	if token != "" && !c.tokenHolds(token) {
		return "令牌无效或已过期"
	}
	return ""
}

// knows says whether a password, however it was sent, is the user's.
func (c *Credit) knows(sent string) bool {
	c.account.mu.Lock()
	want := c.account.password
	c.account.mu.Unlock()
	return sent == want || c.read(sent) == want || sent == digestOf(seal.MD5, want) || sent == digestOf(seal.SM3, want)
}

func digestOf(way, text string) string {
	sum, _ := seal.NewProfile().Transform(way, nil, text)
	return sum
}

// read is what an encrypted password says, else the password as it was sent.
func (c *Credit) read(sent string) string {
	for _, way := range []string{seal.SM2, seal.RSA} {
		if plain, err := c.account.pwds.Untransform(way, c.account.platform, sent); err == nil {
			return plain
		}
	}
	return sent
}

func (c *Credit) tokenHolds(token string) bool {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return time.Now().Before(c.account.tokens[token])
}

// ExpireTokens ends the life of all tokens.
func (c *Credit) ExpireTokens() {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	clear(c.account.tokens)
}

// ChangeKey gives the platform another SM2 key, as when its old one has run out. What is sealed for the old one it cannot read.
func (c *Credit) ChangeKey() {
	b := make([]byte, 31) // below the order of the curve
	_, _ = rand.Read(b)   // never fails
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	c.account.own, c.account.party = "00"+hex.EncodeToString(b), nil
	c.account.platform, _ = seal.ParsePrivate(c.account.own)
}

// Spoil has the next n sealed answers carry a wrong digest.
func (c *Credit) Spoil(n int) {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	c.account.spoil = n
}

// Password is the password that the platform takes now.
func (c *Credit) Password() string {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return c.account.password
}

func (c *Credit) servePublicKey(w http.ResponseWriter, _ *http.Request, p map[string]string) {
	if p["accessid"] != c.opts.AccessID {
		c.refuse(w, http.StatusOK, "accessid 错误")
		return
	}
	key := c.account.platform.Public()
	c.succeed(w, "获取公钥成功", map[string]any{"publicKey": publicPEM(c.account.platform), "keyId": key.ID()})
}

func (c *Credit) serveToken(w http.ResponseWriter, _ *http.Request, p map[string]string) {
	if p["accessid"] != c.opts.AccessID || p["username"] != c.opts.Username || !c.knows(p["pwd"]) {
		c.refuse(w, http.StatusOK, "accessid、用户名或密码错误")
		return
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	token := hex.EncodeToString(b)
	c.account.mu.Lock()
	c.account.tokens[token] = time.Now().Add(c.account.life)
	c.account.mu.Unlock()
	c.succeed(w, "获取令牌成功", map[string]any{"token": token, "expiresIn": int(c.account.life.Seconds())})
}

// servePassword changes the password. All tokens end with the old one.
func (c *Credit) servePassword(w http.ResponseWriter, _ *http.Request, p map[string]string) {
	next := c.read(p["newPwd"])
	switch {
	case p["accessid"] != c.opts.AccessID || p["username"] != c.opts.Username || !c.knows(p["oldPwd"]):
		c.refuse(w, http.StatusOK, "accessid、用户名或密码错误")
	case len(next) < 8:
		c.refuse(w, http.StatusOK, "新密码长度不足 8 位")
	default:
		c.account.mu.Lock()
		c.account.password = next
		clear(c.account.tokens)
		c.account.mu.Unlock()
		c.succeed(w, "修改密码成功", nil)
	}
}

// LicenceOf is the id of an enterprise's authorisation, as an upload returns it: always the same, so that one that was uploaded to
// an earlier sandbox still holds.
func LicenceOf(code string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte("licence " + code)) // hashes never fail
	return "LIC" + strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
}

func (c *Credit) serveUpload(w http.ResponseWriter, _ *http.Request, p map[string]string) {
	if _, ok := c.enterprise(p["uniscId"]); !ok {
		c.refuse(w, http.StatusOK, "企业不存在")
		return
	}
	file := []byte(p["file"])
	if plain, err := base64.StdEncoding.DecodeString(p["file"]); err == nil {
		file = plain
	}
	if len(bytes.TrimSpace(file)) == 0 {
		c.refuse(w, http.StatusOK, "授权书文件为空")
		return
	}
	c.uploads.Add(1)
	c.succeed(w, "上传授权书成功", map[string]any{"licenseID": LicenceOf(p["uniscId"])})
}

// succeed answers with result 1.
func (c *Credit) succeed(w http.ResponseWriter, msg string, data any) {
	answer := map[string]any{"msg": msg, "result": 1}
	if data != nil {
		answer["data"] = data
	}
	b, _ := json.Marshal(answer)
	writeJSON(w, http.StatusOK, b)
}

// multipartParams reads multipart/form-data; a file is its content.
func multipartParams(body []byte, boundary string) (map[string]string, error) {
	p := map[string]string{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		p[part.FormName()] = string(content)
	}
}
