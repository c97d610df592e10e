package credit

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
	"milkrun/sync/transport/pageno"
)

// MaxPage is the largest pagesize.
const MaxPage = 1000

const (
	operation   = "getEnterpriseGrades"
	defaultPath = "{base}/{op}"
)

// Source is the settings of a source on a connection of type credit.
type Source struct {
	connection             *Connection
	resource, digits, path string
}

var _ kind.Source = (*Source)(nil)

// NewSource returns the settings with their defaults. The connection is one that [NewConnection] made.
func NewSource(c kind.Connection) kind.Source {
	return &Source{connection: c.(*Connection), digits: digitsWarn, path: defaultPath}
}

// Fields returns the keys.
func (s *Source) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("resource", &s.resource, []string{"grades"}, "what to read: grades, the grades of all enterprises",
			"读取的资源：grades（企业诚信等级）").Require(),
		setting.Choice("uscc_check", &s.digits, []string{digitsOff, digitsWarn, digitsReject},
			"what to do about codes with a wrong check digit, as the pilot phase issued some legally; a code that is malformed is always rejected",
			"统一社会信用代码校验位错误（早期试点代码合法存在）时的处理：off 不检查，warn 计数，reject 拒绝；格式错误的代码一律拒绝"),
		setting.Text("path", &s.path, "where the operation is: {base} is the connection's url, {op} the operation",
			"接口地址模板：{base} 为连接的 url，{op} 为操作名"),
	}
}

// Validate checks the address template.
func (s *Source) Validate() []setting.Problem {
	if strings.HasPrefix(s.path, "{base}/") && strings.Contains(s.path, "{op}") {
		return nil
	}
	return []setting.Problem{{Key: "path", Text: "it must begin with {base}/ and hold {op}",
		Remedy: `write for example path = "{base}/{op}", or leave it out`}}
}

// Enumerates says that everything there is is read every time; see package config.
func (s *Source) Enumerates() bool { return true }

// Limits returns the bounds of a page.
func (s *Source) Limits() kind.Limits {
	return kind.Limits{Default: MaxPage, Max: MaxPage,
		Rule: "商务诚信公共服务平台 信息交换接口规范 (draft of DB14/T 2831—2023), A.3: pagesize at most 1000"}
}

// Open returns the source. It opens no connection.
func (s *Source) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	c := s.connection
	g := &grades{
		connection: c,
		client:     c.Client(env.RoundTripper),
		address:    strings.NewReplacer("{base}", c.URL(), "{op}", operation).Replace(s.path),
		digits:     s.digits,
		label:      env.Connection + ": " + operation,
		columns:    feed.TextColumns(codeName, nameName, gradeName),
	}
	return &pageno.Source{Ask: g.ask, Label: g.label, Columns: []string{codeName}, Usual: MaxPage, Max: MaxPage}, nil
}

// grades asks for pages of grades. It is safe for concurrent use.
type grades struct {
	connection *Connection
	client     *transport.Client
	address    string
	digits     string
	label      string
	columns    *feed.Columns
}

// ask returns the places [from, to) of a page.
func (g *grades) ask(ctx context.Context, number int64, size, from, to int) (pageno.Page, error) {
	call := transport.Call{
		Op: fmt.Sprintf("%s page %d", g.label, number),
		Build: func(ctx context.Context) (*http.Request, error) {
			return g.connection.build(ctx, g.address, number, size)
		},
		Secrets: g.connection.secrets(),
	}
	r, err := g.client.Do(ctx, call)
	if err != nil {
		return pageno.Page{}, err
	}
	a, err := decode(r.Body, window{from, to}, g.digits)
	if err != nil {
		return pageno.Page{}, call.Unreadable(r, err)
	}
	if e := (query{call, number, size}).judge(a); e != nil {
		return pageno.Page{}, e
	}
	return pageno.Page{Listed: a.places, Page: feed.Page{
		Rows:  feed.Batch{Columns: g.columns, Values: a.values},
		Total: a.count().n, Bytes: len(r.Body), Rejected: a.rejected, Notes: a.notes,
	}}, nil
}
