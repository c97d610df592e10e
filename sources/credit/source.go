package credit

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

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

// The resources.
const (
	resGrades     = "grades"
	resEnterprise = "enterprise"
	resTrading    = "trading"
)

// Source is the settings of a source on a connection of type credit.
type Source struct {
	connection             *Connection
	resource, digits, path string
	codes                  kind.Values
}

var _ kind.Source = (*Source)(nil)

// NewSource returns the settings with their defaults. The connection is one that [NewConnection] made.
func NewSource(c kind.Connection) kind.Source {
	return &Source{connection: c.(*Connection), digits: digitsWarn, path: defaultPath}
}

// Fields returns the keys.
func (s *Source) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("resource", &s.resource, []string{resGrades, resEnterprise, resTrading},
			"what to read: the grades of all enterprises, the grades of some, or the public resources trading records of some",
			"读取的资源：grades（全部企业诚信等级）、enterprise（指定企业诚信等级）、trading（指定企业公共资源交易记录）").Require(),
		setting.Choice("uscc_check", &s.digits, []string{digitsOff, digitsWarn, digitsReject},
			"what to do about codes with a wrong check digit, as the pilot phase issued some legally; a code that is malformed is always rejected",
			"统一社会信用代码校验位错误（早期试点代码合法存在）时的处理：off 不检查，warn 计数，reject 拒绝；格式错误的代码一律拒绝"),
		setting.Text("path", &s.path, "where the operation is: {base} is the connection's url, {op} the operation",
			"接口地址模板：{base} 为连接的 url，{op} 为操作名"),
		kind.ValuesField("codes", &s.codes, `the unified social credit codes to ask for: a list, or { connection = "NAME", column = "NAME", … }, a column of any source`,
			`要查询的统一社会信用代码：列表，或 { connection = "名称", column = "列名", … }，即任一来源的一列`),
	}
}

// Validate checks the address template, and that there are codes where they are needed.
func (s *Source) Validate() []setting.Problem {
	var list []setting.Problem
	if !strings.HasPrefix(s.path, "{base}/") || !strings.Contains(s.path, "{op}") {
		list = append(list, setting.Problem{Key: "path", Text: "it must begin with {base}/ and hold {op}",
			Remedy: `write for example path = "{base}/{op}", or leave it out`})
	}
	switch asks := s.resource == resEnterprise || s.resource == resTrading; {
	case asks && s.codes.Empty():
		list = append(list, setting.Problem{Key: "codes", Text: "resource " + s.resource + " asks for one enterprise a call, and nothing says which",
			Remedy: `write for example codes = { connection = "business", table = "suppliers", column = "uniscId" }`})
	case s.resource == resGrades && !s.codes.Empty():
		list = append(list, setting.Problem{Key: "codes", Text: "it has no effect with resource = \"grades\", which reads all enterprises",
			Remedy: `set resource = "enterprise", or leave codes out`})
	}
	return list
}

// Columns returns the names of the columns; see package config.
func (s *Source) Columns() []string {
	if s.resource == resTrading {
		return tradingColumns().Names()
	}
	return []string{codeName, nameName, gradeName}
}

// Enumerates says that everything there is is read every time, and has its place; see package config.
func (s *Source) Enumerates() bool { return s.resource != resTrading }

// Whole says likewise of what has no places; see kind.Whole.
func (s *Source) Whole() bool { return s.resource == resTrading }

// Limits returns the bounds of a page.
func (s *Source) Limits() kind.Limits {
	switch s.resource {
	case resEnterprise:
		return kind.Limits{Default: usualOnes, Max: MaxPage}
	case resTrading:
		return kind.Limits{Default: usualTrading, Max: maxTrading}
	}
	return kind.Limits{Default: MaxPage, Max: MaxPage,
		Rule: "商务诚信公共服务平台 信息交换接口规范 (draft of DB14/T 2831—2023), A.3: pagesize at most 1000"}
}

// Open returns the source. It opens no connection to the platform; codes are read here.
func (s *Source) Open(ctx context.Context, env kind.Env) (feed.Source, error) {
	switch s.resource {
	case resEnterprise:
		l, err := s.lookup(ctx, env, oneOperation)
		return &enterprises{lookup: l, columns: feed.TextColumns(codeName, nameName, gradeName)}, err
	case resTrading:
		l, err := s.lookup(ctx, env, tradingOperation)
		return &trading{lookup: l, columns: tradingColumns(), recall: env.Recall}, err
	}
	c := s.connection
	g := &grades{
		connection: c,
		client:     c.Client(env.RoundTripper),
		address:    c.address(s.path, operation),
		digits:     s.digits,
		label:      env.Connection + ": " + operation,
		columns:    feed.TextColumns(codeName, nameName, gradeName),
	}
	return &pageno.Source{Ask: g.ask, Label: g.label, Columns: []string{codeName}, Usual: MaxPage, Max: MaxPage}, nil
}

func (s *Source) lookup(ctx context.Context, env kind.Env, op string) (lookup, error) {
	codes, err := gather(ctx, &s.codes, env)
	c := s.connection
	return lookup{connection: c, client: c.Client(env.RoundTripper), address: c.address(s.path, op),
		label: env.Connection + ": " + op, name: env.Connection, told: new(atomic.Bool), digits: s.digits, codes: codes}, err
}

// grades asks for pages of grades. It is safe for concurrent use.
type grades struct {
	connection *Connection
	client     *transport.Client
	address    string
	digits     string
	label      string
	columns    *feed.Columns
	told       atomic.Bool // that another password is in force
}

// ask returns the places [from, to) of a page.
func (g *grades) ask(ctx context.Context, number int64, size, from, to int) (pageno.Page, error) {
	p, err := g.once(ctx, number, size, from, to)
	for err != nil && g.connection.another(err) {
		p, err = g.once(ctx, number, size, from, to)
	}
	if err == nil {
		p.Notes = g.connection.noteOther(p.Notes, &g.told)
	}
	return p, err
}

func (g *grades) once(ctx context.Context, number int64, size, from, to int) (pageno.Page, error) {
	call, r, err := g.send(ctx, number, size)
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

func (g *grades) send(ctx context.Context, number int64, size int) (transport.Call, transport.Response, error) {
	label := fmt.Sprintf("%s page %d", g.label, number)
	if !g.connection.plain() {
		return g.connection.exchange(ctx, g.client, operationCall{label, g.address, []pair{{"pageno", number}, {"pagesize", size}}})
	}
	call := transport.Call{
		Op: label,
		Build: func(ctx context.Context) (*http.Request, error) {
			return g.connection.build(ctx, g.address, number, size)
		},
		Secrets: g.connection.secrets(),
	}
	r, err := g.client.Do(ctx, call)
	return call, r, err
}
