package credit

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"milkrun/sync/envelope"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

const (
	bodyJSON = "json"
	bodyForm = "form"
)

// Connection is the settings of a connection of type credit, and what its jobs share while they run: the token, the platform's
// key, and the password that is in force.
type Connection struct {
	transport.Settings
	accessID, username, password secret.Secret
	body, formField              string
	account                      account
	envelope                     *envelope.Profile
	session                      session
}

var _ kind.Connection = (*Connection)(nil)

// NewConnection returns the settings with their defaults.
func NewConnection() kind.Connection {
	return &Connection{Settings: transport.NewSettings(), body: bodyJSON, account: newAccount(), envelope: envelope.NewProfile(),
		session: newSession()}
}

// Fields returns the keys.
func (c *Connection) Fields() []setting.Field {
	return append(c.Settings.Fields(),
		setting.Secret("accessid", &c.accessID, "access id issued by the platform; treated as a secret", "平台分配的访问标识（按密钥对待）").Require(),
		setting.Secret("username", &c.username, "user name", "用户名").Require(),
		setting.Secret("password", &c.password, "password, sent as pwd", "密码（以 pwd 发送）").Require(),
		setting.Choice("body", &c.body, []string{bodyJSON, bodyForm}, "how requests are written", "请求正文的编码方式"),
		setting.Text("form_field", &c.formField, `with body = "form": send the JSON object as this one form field`,
			`body = "form" 时：把 JSON 对象放入此表单字段发送`),
		c.account.group(),
		c.envelope.Group("envelope"))
}

// Validate checks what can be checked without a connection.
func (c *Connection) Validate() []setting.Problem {
	list := c.Settings.Validate()
	if c.formField != "" && c.body != bodyForm {
		list = append(list, setting.Problem{Key: "form_field", Text: "it has no effect with body = " + strconv.Quote(c.body),
			Remedy: `set body = "form", or leave form_field out`})
	}
	return slices.Concat(list, c.envelope.Validate("envelope"), c.checkAccount())
}

// secrets are what a plain request carries.
func (c *Connection) secrets() []secret.Secret {
	return []secret.Secret{c.accessID, c.username, c.inForce()}
}

// plain says that requests and answers travel as the document's samples do, so that nothing has to be fetched or kept.
func (c *Connection) plain() bool { return !c.account.given && !c.envelope.On() }

// request is what getEnterpriseGrades takes. The secrets are in the body and nowhere else.
type request struct {
	AccessID string `json:"accessid"`
	Username string `json:"username"`
	Password string `json:"pwd"`
	PageNo   int64  `json:"pageno"`
	PageSize int    `json:"pagesize"`
}

// build makes the request for one page.
func (c *Connection) build(ctx context.Context, address string, page int64, size int) (*http.Request, error) {
	content, body, err := c.encode(request{c.accessID.Reveal(), c.username.Reveal(), c.inForce().Reveal(), page, size})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", content+"; charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

func (c *Connection) encode(r request) (content string, body []byte, err error) {
	const form = "application/x-www-form-urlencoded"
	if c.body == bodyForm && c.formField == "" {
		return form, []byte(url.Values{
			"accessid": {r.AccessID}, "username": {r.Username}, "pwd": {r.Password},
			"pageno": {strconv.FormatInt(r.PageNo, 10)}, "pagesize": {strconv.Itoa(r.PageSize)},
		}.Encode()), nil
	}
	object, err := json.Marshal(r) //nolint:gosec // the platform wants the password in the body of every request
	if c.body == bodyForm {
		return form, []byte(url.Values{c.formField: {string(object)}}.Encode()), err
	}
	return "application/json", object, err
}

// Dialect is how the connection speaks: the profile of its envelope, nil when there is none, and how its password is sent. A
// stand-in that is to understand it asks for that.
func (c *Connection) Dialect() (profile *envelope.Profile, pwdTransform string) {
	if c.envelope.On() {
		profile = c.envelope
	}
	return profile, c.account.pwdTransform
}
