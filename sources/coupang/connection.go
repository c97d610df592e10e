package coupang

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
	"milkrun/sync/transport/budget"
)

var (
	_ kind.Connection = (*connection)(nil)
	_ kind.Signer     = (*connection)(nil)
)

// The limits of the gateway.
const (
	gateway   = "https://api-gateway.coupang.com"
	maxRate   = budget.Rate(10)      // calls a second, of one vendor
	maxRocket = budget.Rate(50) / 60 // of rg_open_api, likewise
	vendorsUp = budget.Rate(10)      // of all vendors together, unless provider_rate says otherwise
	patience  = 100 * time.Second    // above the 90 s that X-EXTENDED-TIMEOUT asks for
	extended  = 90 * time.Second     // X-EXTENDED-TIMEOUT
	tooSkewed = 60 * time.Second     // a clock that is further off is worth a note
)

// connection is one vendor: one set of keys at one gateway.
type connection struct {
	transport.Settings
	vendor               string
	accessKey, secretKey secret.Secret
	market               string
	rate, rocket, shared budget.Rate

	own     budget.Book // where the process has none
	verdict verdict
}

// NewConnection returns a connection with the defaults: Coupang's gateway, 5 calls a second.
func NewConnection() kind.Connection {
	c := &connection{Settings: transport.NewSettings(), market: "KR", rate: 5, rocket: budget.Rate(40) / 60, shared: vendorsUp}
	for _, f := range c.Settings.Fields() {
		switch f.Name {
		case "url":
			_ = f.Set(gateway)
		case "timeout":
			_ = f.Set(setting.FormatDuration(patience))
		}
	}
	return c
}

// Fields returns the keys.
func (c *connection) Fields() []setting.Field {
	list := c.Settings.Fields()
	for i := range list {
		if list[i].Name == "url" {
			list[i].Required, list[i].Default = false, fmt.Sprintf("%q", gateway)
		}
	}
	list = slices.DeleteFunc(list, func(f setting.Field) bool { return f.Name == "rate" }) // another default, and a bound
	return append(list,
		setting.Text("vendor_id", &c.vendor, "vendor id, as A00012345", "供应商编号（vendorId），如 A00012345").Require(),
		setting.Secret("access_key", &c.accessKey, "access key issued in Wing; it lives for 180 days", "Wing 后台签发的 access key，有效期 180 天").Require(),
		setting.Secret("secret_key", &c.secretKey, "secret key; never sent", "secret key，用于签名，不随请求发送").Require(),
		setting.Text("market", &c.market, "sent as X-MARKET: KR or TW; empty sends none", "以 X-MARKET 发送的站点：KR 或 TW；留空则不发送"),
		limit("rate", `"5/s"`, &c.rate, "most calls of this vendor; Coupang bears 10 a second", "该供应商的请求频率上限；平台允许每秒 10 次"),
		limit("rg_rate", `"40/m"`, &c.rocket, "most calls of this vendor to the Rocket Growth interface; Coupang bears 50 a minute",
			"该供应商调用 Rocket Growth（CGF）接口的频率上限；平台允许每分钟 50 次"),
		limit("provider_rate", `"10/s"`, &c.shared, "most calls of all vendors at this gateway together, the same in each of their connections",
			"同一网关上所有供应商合计的频率上限，各连接须一致"),
	)
}

// limit is a key that holds a rate.
func limit(name, deflt string, to *budget.Rate, en, zh string) setting.Field {
	return setting.Custom(name, `rate, as "5/s"`, deflt, func(text string) (err error) {
		*to, err = transport.ParseRate(text)
		return err
	}, en, zh)
}

// goodVendor is what a vendor id is made of: it stands in the path of every call.
var goodVendor = regexp.MustCompile(`^[A-Za-z][0-9]{1,20}$`)

// Validate checks the address, the vendor and the budgets.
func (c *connection) Validate() []setting.Problem {
	list := c.Settings.Validate()
	problem := func(key, remedy, format string, args ...any) {
		list = append(list, setting.Problem{Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	if c.URL() == "" {
		problem("url", "leave it out for Coupang's gateway", "the address is empty")
	}
	if c.vendor != "" && !goodVendor.MatchString(c.vendor) {
		problem("vendor_id", "write it as Wing shows it, as A00012345", "%q is no vendor id", c.vendor)
	}
	if strings.ContainsAny(c.accessKey.Reveal(), " ,\r\n\t") || strings.ContainsAny(c.secretKey.Reveal(), " \r\n\t") {
		problem("access_key", "check that both keys were copied whole and alone", "a key holds a space, a comma or a line break")
	}
	if strings.ContainsFunc(c.market, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		problem("market", `write KR or TW, or "" to send none`, "%q is no market", c.market)
	}
	if c.rate > maxRate {
		problem("rate", `write at most "10/s"`, "above 10 calls a second Coupang answers 429, and blocks vendors that go on")
	}
	if c.rocket > maxRocket {
		problem("rg_rate", `write at most "50/m"`, "the Rocket Growth interface bears 50 calls a minute")
	}
	return list
}

// Shares returns what connections to the same gateway, or of the same vendor, must say alike: what it is, to what is said.
// See package config.
func (c *connection) Shares() map[string]string {
	return map[string]string{
		"provider_rate of " + c.host():                      fmt.Sprint(c.shared),
		"rate of vendor " + c.vendor + " at " + c.host():    fmt.Sprint(c.rate),
		"rg_rate of vendor " + c.vendor + " at " + c.host(): fmt.Sprint(c.rocket),
	}
}

// host is the gateway's address, by which budgets are known.
func (c *connection) host() string {
	u, err := url.Parse(c.URL())
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// budgets are those that a call is paid from. Rocket is nil for calls that are none of Rocket Growth's.
type budgets struct{ vendor, rocket, provider *budget.Account }

func (c *connection) budgets(book *budget.Book, rg bool) budgets {
	if book == nil {
		book = &c.own
	}
	name := func(parts ...string) string {
		return strings.Join(append([]string{"coupang", c.host()}, parts...), " ")
	}
	b := budgets{vendor: book.Account(name(c.vendor), c.rate), provider: book.Account(name(), c.shared)}
	if rg {
		b.rocket = book.Account(name(c.vendor, "rg"), c.rocket)
	}
	return b
}

// path fills a path with the vendor and, where it asks for one, an id.
func (c *connection) path(template, id string) string {
	return c.prefix() + strings.NewReplacer("{v}", c.vendor, "{id}", url.PathEscape(id)).Replace(template)
}

// prefix is the path of the base address: the gateway has none, a stand-in may.
func (c *connection) prefix() string {
	u, err := url.Parse(c.URL())
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}

func (c *connection) secrets() []secret.Secret { return []secret.Secret{c.accessKey, c.secretKey} }
