package channel

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"slices"
	"time"

	gomail "github.com/wneessen/go-mail"

	"milkrun/sync/alert"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

// email sends through a mail server.
type email struct {
	taking
	host, tls, from string
	port            int
	to              []string
	username        string
	password        secret.Secret
	caFile          string
	timeout         time.Duration
}

func newEmail() Channel { return &email{tls: "starttls", timeout: 15 * time.Second} }

// Fields returns the keys.
func (m *email) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("host", &m.host, "the mail server", "邮件服务器").Require(),
		setting.Int("port", &m.port, "left out: 587, with tls = \"tls\" 465, with \"none\" 25", "省略时为 587；tls = \"tls\" 时为 465，\"none\" 时为 25").Between(1, 65535, ""),
		setting.Choice("tls", &m.tls, []string{"starttls", "tls", "none"},
			"starttls: encrypted after a plain greeting, or not at all sent; tls: from the first byte; none: to a server on this machine only",
			"starttls：明文握手后加密，否则不发送；tls：全程加密；none：仅限本机服务器"),
		setting.Text("username", &m.username, "left out: the server asks for none", "省略则不登录"),
		setting.Secret("password", &m.password, "of the user, or the code the mailbox gives out for programs", "密码或邮箱授权码"),
		setting.Text("from", &m.from, `sender, as "milkrun <milkrun@example.com>"`, `发件人，如 "milkrun <milkrun@example.com>"`).Require(),
		setting.Texts("to", &m.to, "receivers", "收件人").Require(),
		m.field(),
		setting.Text("ca_file", &m.caFile, "PEM file with the certificate authorities to trust instead of the system's",
			"受信任的 CA 证书文件（PEM），代替系统证书"),
		setting.Duration("timeout", &m.timeout, "longest time for one step of the talk with the server", "与服务器单步通信的超时时间"),
	}
}

// Validate checks what can be seen without a connection.
func (m *email) Validate() []setting.Problem {
	list := m.problems()
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if m.tls == "none" && m.host != "" && !loopback(m.host) {
		problem("tls", "the message would travel unencrypted to "+m.host, `write tls = "starttls" or "tls"`)
	}
	if m.from != "" && !address(m.from) {
		problem("from", "this is no mail address", `write for example "milkrun@example.com"`)
	}
	if len(m.to) == 0 || slices.ContainsFunc(m.to, func(to string) bool { return !address(to) }) {
		problem("to", "mail addresses are wanted here", `write for example ["ops@example.com"]`)
	}
	if (m.username == "") != m.password.Empty() {
		problem("username", "one of username and password is missing", "give both, or neither")
	}
	if m.timeout <= 0 {
		problem("timeout", "a message needs some time", `leave it out for 15 s`)
	}
	if _, err := m.security(); err != nil {
		problem("ca_file", err.Error(), "name a readable PEM file that holds at least one certificate")
	}
	return list
}

func address(text string) bool {
	_, err := mail.ParseAddress(text)
	return err == nil
}

// Close has nothing to close: each message is a connection.
func (m *email) Close() error { return nil }

func (m *email) security() (*tls.Config, error) {
	conf := &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
	if m.caFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(m.caFile)
	if err != nil {
		return nil, err
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New(m.caFile + " holds no certificate")
	}
	return conf, nil
}

// Send sends one mail. The connection is its own to close: the library looks at ctx only while it connects, and leaves
// the connection open when the login is not offered.
func (m *email) Send(ctx context.Context, msg alert.Message) error {
	letter, err := m.letter(msg)
	if err != nil {
		return m.judged(ctx, err)
	}
	talk, hangUp := context.WithCancel(ctx)
	defer hangUp()
	client, err := m.client(talk)
	if err != nil {
		return m.judged(ctx, err)
	}
	if err := client.DialAndSendWithContext(talk, letter); err != nil {
		return m.judged(ctx, err)
	}
	return nil
}

func (m *email) letter(msg alert.Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.From(m.from), letter.To(m.to...)); err != nil {
		return nil, feed.Errorf(feed.Fail, "address", "writing the mail: %w", err).WithRemedy("check from and to of the channel")
	}
	letter.Subject(msg.Title)
	letter.SetDate()
	letter.SetMessageID()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no answer from a holiday robot
	letter.SetBodyString(gomail.TypeTextPlain, msg.Body+"\n")
	return letter, nil
}

// client returns a client whose connection is closed when talk ends.
func (m *email) client(talk context.Context) (*gomail.Client, error) {
	conf, err := m.security()
	if err != nil {
		return nil, feed.Errorf(feed.Fail, "ca_file", "ca_file: %w", err).WithRemedy("mend ca_file of the channel")
	}
	dial := (&net.Dialer{}).DialContext
	options := []gomail.Option{gomail.WithTimeout(m.timeout), gomail.WithTLSConfig(conf)}
	switch m.tls {
	case "tls":
		dial = (&tls.Dialer{Config: conf}).DialContext
		options = append(options, gomail.WithSSL(), gomail.WithPort(cmp.Or(m.port, 465)))
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithPort(cmp.Or(m.port, 25)))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithPort(cmp.Or(m.port, 587)))
	}
	if m.username != "" { // PLAIN and LOGIN refuse to speak unencrypted to another machine
		options = append(options, gomail.WithUsername(m.username), gomail.WithPassword(m.password.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	options = append(options, gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(talk, func() { _ = conn.Close() })
		}
		return conn, err
	}))
	return gomail.NewClient(m.host, options...)
}

// judged says whether an error may pass: a refusal with a code of 500 and above does not.
func (m *email) judged(ctx context.Context, err error) *feed.Error {
	judged := &feed.Error{Err: fmt.Errorf("mailing by %s: %s", m.host, transport.Said(err.Error(), m.password))}
	var known *feed.Error
	var refused *textproto.Error
	var failed *gomail.SendError
	var untrusted *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &known):
		judged.Verdict, judged.Code, judged.Remedy = known.Verdict, known.Code, known.Remedy
	case errors.As(err, &untrusted):
		judged.Code, judged.Remedy = "certificate", "check host; if the server has an authority of its own, name its certificate in ca_file"
	case errors.As(err, &refused) && refused.Code >= 500, errors.As(err, &failed) && !failed.IsTemp():
		judged.Verdict, judged.Code, judged.Remedy = feed.Fail, "refused", "check username, password, from and to of the channel, then try milkrun alert test"
	}
	return judged
}
