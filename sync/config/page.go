package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

// Page is [page]: where the daemon serves its status page and its metrics.
type Page struct {
	// Listen is "HOST:PORT", "unix:PATH" or "off".
	Listen string
	// Token lets in whoever names it. It is needed wherever more than this machine can reach the page.
	Token secret.Secret
}

const pageOff = "off"

func newPage() Page { return Page{Listen: "127.0.0.1:8474"} }

// Off says that there is no page.
func (p *Page) Off() bool { return p.Listen == pageOff }

// Same says that nothing of it is another than in b, the token included.
func (p *Page) Same(b Page) bool {
	return p.Listen == b.Listen && p.Token.Reveal() == b.Token.Reveal()
}

// Address returns what net.Listen takes. An IPv4 address is just that: Go would take 0.0.0.0 for every address of IPv6 as well.
func (p *Page) Address() (network, address string) {
	if path, ok := strings.CutPrefix(p.Listen, "unix:"); ok {
		return "unix", path
	}
	if at, err := netip.ParseAddrPort(p.Listen); err == nil && at.Addr().Is4() {
		return "tcp4", p.Listen
	}
	return "tcp", p.Listen
}

// Fields returns the keys.
func (p *Page) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("listen", &p.Listen, `where the status page and /metrics are served: "HOST:PORT", "unix:PATH", or "off"`,
			`状态页与 /metrics 的监听地址："主机:端口"、"unix:路径" 或 "off"`).WithDefault(`"127.0.0.1:8474"`),
		setting.Secret("token", &p.Token, "lets in whoever names it; needed when listen is no loopback address and no Unix socket",
			"访问令牌；listen 不是回环地址或 Unix 套接字时必填"),
	}
}

// Validate checks the address, and that a page others can reach has a token.
func (p *Page) Validate() []setting.Problem {
	network, address := p.Address()
	if p.Off() || network == "unix" && address != "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || network == "unix" {
		return []setting.Problem{{Key: "listen", Text: "this is no address to listen at",
			Remedy: `write "127.0.0.1:8474", "unix:/run/milkrun/page.sock" or "off"`}}
	}
	ip, err := netip.ParseAddr(host)
	if local := host == "localhost" || err == nil && ip.IsLoopback(); local || !p.Token.Empty() {
		return nil
	}
	return []setting.Problem{{Key: "listen", Text: "others can reach the page there, and it has no token",
		Remedy: `add token = "credential:page-token" to [page], or listen at 127.0.0.1`}}
}

// page reads [page].
func (r *reader) page(c *Config, t *table) {
	if t == nil {
		return
	}
	fields := c.Page.Fields()
	r.finish(r.fill(block{"page", t}, fields, nil, nil), fields, c.Page.Validate)
}
