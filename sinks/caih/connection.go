package caih

import (
	"crypto/md5"
	"encoding/hex"
	"net"
	"net/url"
	"path"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

var (
	_ kind.Connection = (*connection)(nil)
	_ kind.Signer     = (*connection)(nil)
	_ kind.Receiver   = (*connection)(nil)
)

const (
	stampLayout = "20060102150405"
	timeLayout  = "2006-01-02 15:04:05"
	validity    = 50 * time.Minute // of a timestamp
)

// connection is one account.
type connection struct {
	transport.Settings
	account, appID, token secret.Secret
	quiet                 quietHours
	cap                   int // messages a day, 0 is none
	reports               struct {
		given        bool
		listen, path string
		tolerance    time.Duration
	}
}

// NewConnection returns a connection with the defaults: the document's address over TLS, no quiet hours, no cap.
func NewConnection() kind.Connection {
	c := &connection{Settings: transport.NewSettings()}
	c.reports.path, c.reports.tolerance = "/caih/report", validity
	return c
}

// Fields returns the keys.
func (c *connection) Fields() []setting.Field {
	return append(c.Settings.Fields(),
		setting.Secret("account", &c.account, "account issued by the platform", "平台分配的账号").Require(),
		setting.Secret("appid", &c.appID, "application id issued by the platform", "平台分配的应用标识（appId）").Require(),
		setting.Secret("token", &c.token, "signing token; never sent", "签名令牌（token），不随请求发送").Require(),
		setting.Custom("quiet", `hours, as "22:00-08:00"`, "", c.quiet.parse,
			"hours at which nothing is sent, in the job's time zone: a run ends there, and a later one goes on", "免打扰时段（任务时区）：到点结束本次运行，之后的运行继续发送"),
		setting.Int("daily_cap", &c.cap, "most messages a day of all jobs on this connection, counted before they are sent; none when left out",
			"本连接每天最多发送的短信条数（发送前计数），不填则不限").Between(1, 100_000_000, ""),
		setting.Group("reports", &c.reports.given, c.reportFields(), "receive status reports; each job's doubts are settled by them",
			"接收状态报告，可据此核销结果未知的批次"),
	)
}

func (c *connection) reportFields() []setting.Field {
	return []setting.Field{
		setting.Text("listen", &c.reports.listen, "address and port to listen on, as 127.0.0.1:8643", "监听地址与端口").Require(),
		setting.Text("path", &c.reports.path, "path of the address that was given to the platform", "登记在平台上的推送地址路径"),
		setting.Duration("tolerance", &c.reports.tolerance, "how far the timestamp of a report may be from our clock", "报告时间戳允许的偏差"),
	}
}

// Validate checks what cannot be seen from one key alone.
func (c *connection) Validate() []setting.Problem {
	list := c.Settings.Validate()
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if u, err := url.Parse(c.URL()); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) && len(list) == 0 {
		list = append(list, setting.Problem{Key: "url", Advice: true, Text: "numbers and texts travel unencrypted (the document knows http only)",
			Remedy: "ask the platform for https, or keep to a private line"})
	}
	if !c.reports.given {
		return list
	}
	if host, port, err := net.SplitHostPort(c.reports.listen); err != nil || port == "" {
		problem("reports.listen", "this is no address with a port", `write for example listen = "127.0.0.1:8643"`)
	} else if !loopback(host) {
		list = append(list, setting.Problem{Key: "reports.listen", Advice: true, Text: "numbers arrive here unencrypted",
			Remedy: "let a web server with TLS stand before it, and listen on 127.0.0.1"})
	}
	if p := c.reports.path; !strings.HasPrefix(p, "/") {
		problem("reports.path", "a path begins with /", `write for example path = "/caih/report"`)
	} else if strings.ContainsAny(p, "{}%?# \t\r\n") || p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		problem("reports.path", "this is no plain path: no request would be answered at it", `write for example path = "/caih/report"`)
	}
	if c.reports.tolerance <= 0 {
		problem("reports.tolerance", "no clock is that exact", `leave it out for 50 minutes, which is how long the document lets a password be valid`)
	}
	return list
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Sign shows how a password is made: lower-case hexadecimal MD5 of token and timestamp.
func (c *connection) Sign(r kind.SignRequest) (kind.Signature, error) {
	stamp := r.Timestamp
	if stamp == "" {
		stamp = time.Now().In(shanghai()).Format(stampLayout)
	}
	if _, err := time.Parse(stampLayout, stamp); err != nil || len(stamp) != len(stampLayout) {
		return kind.Signature{}, feed.Errorf(feed.Fail, "timestamp", "the timestamp is not of the form yyyyMMddHHmmss").
			WithRemedy("write for example 20260301093000, in Chinese time")
	}
	return kind.Signature{StringToSign: "[token]" + stamp, Signature: password(c.token, stamp),
		Params: map[string]string{"timestamp": stamp, "password": password(c.token, stamp)}}, nil
}

// password is what authorises a call at a time.
func password(token secret.Secret, stamp string) string {
	sum := md5.Sum([]byte(token.Reveal() + stamp))
	return hex.EncodeToString(sum[:])
}

// shanghai is the zone of the document's times; without a time zone database, its offset since 1991.
func shanghai() *time.Location {
	if zone, err := time.LoadLocation("Asia/Shanghai"); err == nil {
		return zone
	}
	return time.FixedZone("Asia/Shanghai", 8*60*60)
}
