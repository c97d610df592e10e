package exchange

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

var (
	_ kind.Connection = (*Connection)(nil)
	_ kind.Signer     = (*Connection)(nil)
)

// Connection is one agreement with one partner.
type Connection struct {
	transport.Settings
	token, hmacKey, hmacSecret secret.Secret
	okCodes                    []string

	// Purpose and Version go into every push.
	Purpose, Version string
}

// NewConnection returns a connection with the defaults: version 1, code 0 is success.
func NewConnection() kind.Connection {
	return &Connection{Settings: transport.NewSettings(), okCodes: []string{"0"}, Purpose: "数据同步", Version: "1"}
}

// Fields returns the keys.
func (c *Connection) Fields() []setting.Field {
	return append(c.Settings.Fields(),
		setting.Secret("token", &c.token, "bearer token issued by the partner; or hmac_key and hmac_secret", "对方签发的令牌；与 hmac_key、hmac_secret 二选一"),
		setting.Secret("hmac_key", &c.hmacKey, "id of the signing key", "签名密钥标识"),
		setting.Secret("hmac_secret", &c.hmacSecret, "signing key; never sent", "签名密钥，不随请求发送"),
		setting.Text("purpose", &c.Purpose, "purpose of the exchange as agreed, sent with every push of a job that states none itself (clause 一, 乙权利2)",
			"协议约定的数据用途，随每次推送发送；任务或其接口写明用途的，以其为准"),
		setting.Text("version", &c.Version, "version of the interface as agreed", "接口版本"),
		setting.Texts("ok_codes", &c.okCodes, `codes in an answer that mean success, as texts`, "表示成功的应答代码").WithDefault(`["0"]`),
	)
}

// Stated is the purpose that the partner is told of a job that has none of its own.
func (c *Connection) Stated() string { return c.Purpose }

// Validate checks that there is exactly one way to authorise.
func (c *Connection) Validate() []setting.Problem {
	list := c.Settings.Validate()
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	token, key, hmac := !c.token.Empty(), !c.hmacKey.Empty(), !c.hmacSecret.Empty()
	const either = "give token, or hmac_key and hmac_secret"
	switch {
	case token && (key || hmac):
		problem("token", "there are a token and an HMAC key", either+", not both")
	case !token && !key && !hmac:
		problem("token", "there is nothing to authorise with", either)
	case key != hmac:
		problem("hmac_key", "one of hmac_key and hmac_secret is missing", either)
	case strings.ContainsAny(c.token.Reveal()+c.hmacKey.Reveal(), " ,\r\n\t"):
		problem("token", "token or hmac_key holds a space, a comma or a line break", "check that it was copied whole and alone")
	}
	if c.Purpose == "" {
		problem("purpose", "the purpose is empty", "state the purpose of the agreement, or leave the key out")
	}
	if len(c.okCodes) == 0 {
		problem("ok_codes", "no code means success", `name at least one, as ok_codes = ["0"]`)
	}
	return list
}

// Request is one call.
type Request struct {
	Op   string // what is being done, for error texts
	Path string // behind the address of the connection: "users/query"
	Body []byte // JSON; it must not change before Post returns, nor after an error
}

// Post sends a request, authorised anew at every attempt, and returns the answer when its code means success. Every
// other outcome is a *feed.Error; see [transport.Client.Do] for the transport's, and [Answer] for the partner's.
func (c *Connection) Post(ctx context.Context, base http.RoundTripper, r Request) (Answer, error) {
	build := func(ctx context.Context) (*http.Request, error) { return c.NewRequest(ctx, r) }
	call := transport.Call{Op: r.Op, Build: build, Secrets: c.secrets()}
	response, err := c.Client(base).Do(ctx, call)
	if err != nil {
		return Answer{}, err
	}
	return c.read(call, response)
}

func (c *Connection) secrets() []secret.Secret {
	return []secret.Secret{c.token, c.hmacKey, c.hmacSecret}
}

// Said is [transport.Said], without the connection's secrets.
func (c *Connection) Said(text string) string { return transport.Said(text, c.secrets()...) }

// Code is [transport.Code], likewise.
func (c *Connection) Code(text string) string { return transport.Code(text, c.secrets()...) }

// Path joins a resource and what is behind it, escaped.
func Path(resource string, more ...string) string {
	parts := strings.Split(strings.Trim(resource, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(append(parts, more...), "/")
}

// Of returns the connection of a source or sink, or an error when it is of another type.
func Of(c kind.Connection, env kind.Env) (*Connection, error) {
	own, ok := c.(*Connection)
	if !ok {
		return nil, feed.Errorf(feed.Fail, "", "the connection %s is not of type exchange", env.Connection)
	}
	return own, nil
}
