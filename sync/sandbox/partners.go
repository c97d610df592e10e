package sandbox

import (
	"fmt"
	"net/http"
	"strings"
)

// standIn is the stand-in of one partner.
type standIn interface {
	http.Handler
	// Settings are the settings of a connection that point it at this stand-in, served under url.
	Settings(url string) map[string]string
	// Describe says what the stand-in holds and has done, on one line.
	Describe() string
}

// rooted is a stand-in that is also served at the path its clients know, because they sign it.
type rooted interface{ Root() string }

// partner is a stand-in with its place in the sandbox.
type partner struct {
	typ    string // of the connections to it, and where it is served: /credit/
	name   string // as its own document calls it
	is     standIn
	faults *Faults
}

// partners is the one list of stand-ins.
func (s *Sandbox) partners() []partner {
	return []partner{
		{"credit", "商务诚信公共服务平台", s.Credit, &s.Faults.Credit},
		{"busipush", "晋来办", s.Busipush, &s.Faults.Busipush},
		{"exchange", "数据接口对接协议", s.Exchange, &s.Faults.Exchange},
		{"coupang", "Coupang Open API", s.Coupang, &s.Faults.Coupang},
		{"caih", "东信 云消息", s.Caih, &s.Faults.Caih},
	}
}

// faults returns where the faults of a partner are set, nil when there is no such partner.
func (s *Sandbox) faults(typ string) *Faults {
	for _, p := range s.partners() {
		if p.typ == typ {
			return p.faults
		}
	}
	return nil
}

// types lists the partners.
func (s *Sandbox) types() string {
	var all []string
	for _, p := range s.partners() {
		all = append(all, p.typ)
	}
	return strings.Join(all, ", ")
}

func (s *Sandbox) serveIndex(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	b.WriteString("milkrun sandbox: stand-ins of partners, with test data only.\n\n")
	for _, p := range s.partners() {
		fmt.Fprintf(&b, "%-9s %s/%s  (%s)\n          %s\n", p.typ, s.url, p.typ, p.name, p.is.Describe())
	}
	o := s.Credit.opts
	b.WriteString(strings.NewReplacer("URL", s.url, "ACCESSID", o.AccessID, "USERNAME", o.Username, "PASSWORD", o.Password,
		"TOKEN", s.Exchange.opts.Token).Replace(indexText))
	fmt.Fprintf(&b, "\nKinds of faults: %q\n", Kinds())
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	_, _ = w.Write([]byte(b.String()))
}

const indexText = `
Try:
  curl -s URL/credit/getEnterpriseGrades -H 'Content-Type: application/json' \
       -d '{"accessid":"ACCESSID","username":"USERNAME","pwd":"PASSWORD","pageno":1,"pagesize":3}'
  curl -s URL/exchange/users/query -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' \
       -d '{"page":1,"page_size":3}'
  curl -s URL/faults -d '{"credit":[{"kind":"429","every":10,"retry_after":2},{"kind":"latency","delay_ms":20}]}'
  curl -s URL/faults -d '{"busipush":[{"kind":"drop-after","next":3}]}'
  curl -s URL/faults -d '{"credit":[],"busipush":[],"exchange":[]}'
  curl -s URL/drift  -d '{"every":50,"ops":["insert","delete"],"max":20}'
`
