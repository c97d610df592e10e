package busipush

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

var (
	_ kind.Connection = (*connection)(nil)
	_ kind.Signer     = (*connection)(nil)
)

// connection is one set of credentials at one address; the platform opens test and production separately.
type connection struct {
	transport.Settings
	appCode, moduleCode, appSecret secret.Secret
	nonceForm, sortBy              string
	signGenerate                   bool
	digits                         digits
}

// NewConnection returns a connection with the defaults: UUID nonces, pairs sorted, "generate" not signed.
func NewConnection() kind.Connection {
	return &connection{Settings: transport.NewSettings(), nonceForm: "uuid", sortBy: "pairs"}
}

// Fields returns the keys.
func (c *connection) Fields() []setting.Field {
	return append(c.Settings.Fields(),
		setting.Secret("appcode", &c.appCode, "application code issued by the platform", "平台分配的应用编码").Require(),
		setting.Secret("modulecode", &c.moduleCode, "module code issued by the platform", "平台分配的模块编码").Require(),
		setting.Secret("appsecret", &c.appSecret, "signing secret; never sent", "签名密钥，不随请求发送").Require(),
		setting.Choice("nonce", &c.nonceForm, []string{"uuid", "digits10"},
			"form of the random number: a UUID, or ten digits", "随机数格式：UUID 或 10 位数字"),
		setting.Choice("sort", &c.sortBy, []string{"pairs", "keys"},
			`what the string to sign is sorted by: the "k=v" pairs (the text of the document) or the keys`, "签名串排序依据：键值对或键"),
		setting.Bool("sign_generate", &c.signGenerate,
			`sign the address parameter "generate" as "generate=" although it is empty`, "是否将 URL 中的空参数 generate 纳入签名"),
	)
}

// Sign signs the parameters of a request, or with Params others in their place: an empty value takes one out. The codes
// are shown, since they are part of the string to sign; the secret is not.
func (c *connection) Sign(r kind.SignRequest) (kind.Signature, error) {
	p := c.params()
	if r.Timestamp != "" {
		p["timestamp"] = r.Timestamp
	}
	if r.Nonce != "" {
		p["nonce"] = r.Nonce
	}
	maps.Copy(p, r.Params)
	text := c.stringToSign(p)
	p["sign"] = sign(text, c.appSecret)
	return kind.Signature{StringToSign: text + secretMark, Signature: p["sign"], Params: p}, nil
}

// params returns the four signed parameters of a new request.
func (c *connection) params() map[string]string {
	return map[string]string{
		"appcode":    c.appCode.Reveal(),
		"modulecode": c.moduleCode.Reveal(),
		"timestamp":  strconv.FormatInt(time.Now().Unix(), 10),
		"nonce":      c.newNonce(),
	}
}

// form returns the parameters of a new request, signed, in the order of their names, and the string that was signed.
func (c *connection) form() (pairs []pair, text string) {
	p := c.params()
	text = c.stringToSign(p)
	for _, k := range slices.Sorted(maps.Keys(p)) {
		pairs = append(pairs, pair{k, p[k]})
	}
	return append(pairs, pair{"sign", sign(text, c.appSecret)}), text
}

type pair struct{ key, value string }

func (c *connection) newNonce() string {
	if c.nonceForm == "digits10" {
		return c.digits.next(time.Now())
	}
	return uuid()
}
