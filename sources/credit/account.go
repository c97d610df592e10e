package credit

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"milkrun/sync/envelope"
	"milkrun/sync/secret/rotation"
	"milkrun/sync/setting"
)

// account is the keys of the table `account`: the operations of 账号管理, which the document names and does not describe, and
// the upload of authorisations.
type account struct {
	given              bool
	path, pwdTransform string
	sendPwd            bool
	publicKey          publicKeyOp
	token              tokenOp
	password           passwordOp
	licence            licenceOp
}

type publicKeyOp struct {
	given                              bool
	op, method, field, idField, format string
	params                             []string
	cache                              time.Duration
}

type tokenOp struct {
	given                                   bool
	op, field, expiresField, sendAs, prefix string
	params, errors                          []string
	ttl, refreshBefore                      time.Duration
}

type passwordOp struct {
	given       bool
	op          string
	params      []string
	minLen      int
	rotateEvery time.Duration
}

type licenceOp struct {
	given                                                  bool
	op, codeField, fileField, nameField, field, sendFileAs string
}

func newAccount() account {
	return account{
		path: defaultPath, pwdTransform: envelope.Plain, sendPwd: true,
		publicKey: publicKeyOp{op: "getPublicKey", method: "POST", params: []string{"accessid"}, field: "data.publicKey", idField: "data.keyId",
			format: "pem", cache: 24 * time.Hour},
		token: tokenOp{op: "getToken", params: []string{"accessid", "username", "pwd:enc"}, field: "data.token", expiresField: "data.expiresIn",
			ttl: 2 * time.Hour, refreshBefore: 5 * time.Minute, sendAs: "header:Authorization", errors: []string{"token", "令牌"}},
		password: passwordOp{op: "updatePassword", params: []string{"accessid", "username", "oldPwd:enc", "newPwd:enc"}, minLen: 8,
			rotateEvery: 90 * 24 * time.Hour},
		licence: licenceOp{op: "uploadAuthorization", codeField: "uniscId", fileField: "file", nameField: "fileName", field: "data.licenseID",
			sendFileAs: fileBase64},
	}
}

func (a *account) group() setting.Field {
	return setting.Group("account", &a.given, []setting.Field{
		setting.Text("path", &a.path, "where these operations are, as path of a source", "账号管理接口的地址模板，写法同来源的 path"),
		setting.Choice("pwd_transform", &a.pwdTransform, []string{envelope.Plain, envelope.MD5, envelope.SM3, envelope.SM2, envelope.RSA},
			"how the password is sent: as it is, its digest in hex, or encrypted with the platform's public key", "密码的发送方式：原文、摘要（十六进制）、或用平台公钥加密"),
		setting.Bool("send_pwd", &a.sendPwd, "send the password with every request, also where there is a token", "即使已使用令牌，每次请求仍携带密码"),
		setting.Group("public_key", &a.publicKey.given, a.publicKey.fields(), "获取公钥: the platform's public key is fetched", "获取公钥"),
		setting.Group("token", &a.token.given, a.token.fields(), "获取令牌: requests carry a token", "获取令牌"),
		setting.Group("password", &a.password.given, a.password.fields(), "修改用户密码: milkrun account rotate changes the password", "修改用户密码（milkrun account rotate）"),
		setting.Group("licence", &a.licence.given, a.licence.fields(), "upload of an enterprise's authorisation (milkrun account licence upload)", "上传企业授权书（milkrun account licence upload）"),
	}, "the account at the platform: public key, token, password, authorisations", "平台账号：公钥、令牌、密码与企业授权")
}

func opField(op *string) setting.Field {
	return setting.Text("op", op, "the operation", "接口名")
}

func paramsField(params *[]string, deflt string) setting.Field {
	return setting.Texts("params", params, `what it takes: accessid, username, pwd, oldPwd, newPwd; "name=pwd" sends it under another name, ":enc" at the end as pwd_transform says`,
		`参数：accessid、username、pwd、oldPwd、newPwd；"名称=pwd" 以其他名称发送，结尾 ":enc" 按 pwd_transform 变换`).WithDefault(deflt)
}

func (o *publicKeyOp) fields() []setting.Field {
	return []setting.Field{
		opField(&o.op),
		setting.Choice("method", &o.method, []string{"POST", "GET"}, "HTTP method", "HTTP 方法"),
		paramsField(&o.params, `["accessid"]`),
		setting.Text("field", &o.field, "where the key stands in the answer", "应答中公钥所在字段"),
		setting.Text("id_field", &o.idField, "where its id stands, if it has one", "应答中公钥标识所在字段（可无）"),
		setting.Choice("format", &o.format, envelope.KeyFormats(), "how it is written", "公钥格式"),
		setting.Duration("cache", &o.cache, "how long it is kept", "缓存时长"),
	}
}

func (o *tokenOp) fields() []setting.Field {
	return []setting.Field{
		opField(&o.op),
		paramsField(&o.params, `["accessid", "username", "pwd:enc"]`),
		setting.Text("field", &o.field, "where the token stands in the answer", "应答中令牌所在字段"),
		setting.Text("expires_field", &o.expiresField, "where its life stands, in seconds", "应答中有效期（秒）所在字段"),
		setting.Duration("ttl", &o.ttl, "its life when the answer does not say", "应答未给出时的有效期"),
		setting.Duration("refresh_before", &o.refreshBefore, "a new one is fetched this long before the end", "到期前多久重新获取"),
		setting.Custom("send_as", "text", `"header:Authorization"`, o.setSendAs, `where requests carry it: "header:NAME" or "body:NAME"`,
			`令牌的携带位置："header:名称" 或 "body:名称"`),
		setting.Text("prefix", &o.prefix, `what stands before it, as "Bearer "`, `令牌前缀，如 "Bearer "`),
		setting.Texts("errors", &o.errors, "an answer with such a result or code, or whose message holds such a word, wants a new token; HTTP 401 does as well",
			"应答的 result、code 等于其一，或 msg 含其一时，重新登录；HTTP 401 同样处理").WithDefault(`["token", "令牌"]`),
	}
}

func (o *tokenOp) setSendAs(text string) error {
	where, name, _ := strings.Cut(text, ":")
	if where != "header" && where != "body" || name == "" {
		return fmt.Errorf(`%q is neither "header:NAME" nor "body:NAME"`, text)
	}
	o.sendAs = text
	return nil
}

func (o *passwordOp) fields() []setting.Field {
	return []setting.Field{
		opField(&o.op),
		paramsField(&o.params, `["accessid", "username", "oldPwd:enc", "newPwd:enc"]`),
		setting.Int("min_len", &o.minLen, "least length of a password in characters", "密码最小长度").Between(8, 64, ""),
		setting.Duration("rotate_every", &o.rotateEvery, "milkrun check and doctor warn about a password older than this; 0s: never", "密码超过此时长未更换时告警；0s 为不告警"),
	}
}

func (o *licenceOp) fields() []setting.Field {
	return []setting.Field{
		opField(&o.op),
		setting.Text("code_field", &o.codeField, "under which name the enterprise's code is sent", "统一社会信用代码的参数名"),
		setting.Text("file_field", &o.fileField, "under which name the file is sent", "文件的参数名"),
		setting.Text("name_field", &o.nameField, "under which name the file's name is sent; none when empty", "文件名的参数名；为空则不发送"),
		setting.Choice("send_file_as", &o.sendFileAs, []string{fileBase64, fileMultipart}, "how: base64 in the request (also inside the envelope), or multipart/form-data in clear",
			"发送方式：请求内的 Base64（可加密），或 multipart/form-data 明文"),
		setting.Text("field", &o.field, "where the id stands in the answer that is then sent as licenseID", "应答中授权标识（licenseID）所在字段"),
	}
}

// checkAccount finds what the keys of the account, together with those of the envelope, do not go with.
func (c *Connection) checkAccount() []setting.Problem {
	var list []setting.Problem
	add := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	a := &c.account
	needsKey := a.given && (a.pwdTransform == envelope.SM2 || a.pwdTransform == envelope.RSA)
	if (needsKey && !c.envelope.HasPartner() || c.envelope.NeedsPublicKey()) && !a.publicKey.given {
		key := "envelope"
		if needsKey {
			key = "account.pwd_transform"
		}
		add(key, "the platform's public key is needed, and nothing says where it comes from", `add [connections.NAME.account.public_key], or write envelope.key.partner = "file:…"`)
	}
	if !a.given {
		return list
	}
	if !a.sendPwd && !a.token.given {
		add("account.send_pwd", "without a token every request needs the password: the document requires accessid, username and pwd", "leave send_pwd out, or add account.token")
	}
	if !strings.HasPrefix(a.path, "{base}/") || !strings.Contains(a.path, "{op}") {
		add("account.path", "it must begin with {base}/ and hold {op}", `write for example path = "{base}/{op}", or leave it out`)
	}
	for key, params := range map[string][]string{"public_key": a.publicKey.params, "token": a.token.params, "password": a.password.params} {
		for _, text := range params {
			if _, err := parseParam(text); err != nil {
				add("account."+key+".params", err.Error(), `write for example ["accessid", "username", "pwd:enc"]`)
			}
		}
	}
	slices.SortFunc(list, func(a, b setting.Problem) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// Warnings tells of a password that should be changed, and of a change that was interrupted. It looks at the password's file,
// and so needs no connection.
func (c *Connection) Warnings() []setting.Problem {
	file, ok := rotation.Of(c.password)
	if !ok {
		return nil
	}
	var list []setting.Problem
	if left := file.Unfinished(); left != "" {
		list = append(list, setting.Problem{Key: "password", Text: "a change of the password was interrupted: " + left + " is still there",
			Remedy: "milkrun account settle NAME finds out which password the platform takes, and keeps that one"})
	}
	info, err := os.Stat(file.Path)
	every := c.account.password.rotateEvery
	if err != nil || !c.account.password.given || every == 0 || time.Since(info.ModTime()) < every {
		return list
	}
	return append(list, setting.Problem{Key: "password", Text: fmt.Sprintf("the password is older than %s (rotate_every)", setting.FormatDuration(every)),
		Remedy: "milkrun account rotate NAME changes it"})
}
