package credit

import (
	"context"
	"net/http"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
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

// Limits returns the bounds of a page.
func (s *Source) Limits() kind.Limits {
	return kind.Limits{Default: MaxPage, Max: MaxPage,
		Rule: "商务诚信公共服务平台 信息交换接口规范 (draft of DB14/T 2831—2023), A.3: pagesize at most 1000"}
}

// Open returns the source. It opens no connection.
func (s *Source) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	c := s.connection
	return &grades{
		connection: c,
		client:     c.Client(env.RoundTripper),
		address:    strings.NewReplacer("{base}", c.URL(), "{op}", operation).Replace(s.path),
		digits:     s.digits,
		label:      env.Connection + ": " + operation,
		columns:    feed.TextColumns(codeName, nameName, gradeName),
	}, nil
}

// grades is the enumeration of all grades. It is safe for concurrent use.
type grades struct {
	connection *Connection
	client     *transport.Client
	address    string
	digits     string
	label      string
	columns    *feed.Columns
}

var _ interface {
	feed.Source
	feed.Pager
	feed.Enumerator
	feed.CursorChecker
	feed.Ranger
} = (*grades)(nil)

// Fetch implements [feed.Source].
func (s *grades) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := parse(after, MaxPage)
	if err != nil {
		return feed.Page{}, s.badCursor(err)
	}
	return s.read(ctx, p, place{Page: maxPageNumber}, limit)
}

func (s *grades) badCursor(err error) *feed.Error {
	return feed.Errorf(feed.HaltJob, "cursor", "%s: %w", s.label, err).
		WithRemedy("set or reset the job's checkpoint, then resume it")
}

// pages is a part of the enumeration, which ends at a place. It is no [feed.Enumerator]: it is not everything there is.
type pages struct {
	all *grades
	to  place
}

var _ interface {
	feed.Source
	feed.Pager
	feed.CursorChecker
} = (*pages)(nil)

// Fetch implements [feed.Source].
func (s *pages) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := parse(after, 0)
	if err != nil {
		return feed.Page{}, s.all.badCursor(err)
	}
	return s.all.read(ctx, p, s.to, limit)
}

// Following implements [feed.Pager].
func (s *pages) Following(after feed.Cursor, limit int) feed.Cursor {
	p, _ := parse(after, 0)
	return p.following(limit).cursor()
}

// CheckCursor implements [feed.CursorChecker].
func (s *pages) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := parse(c, 0)
	return p.cursor(), err
}

// read gets the page of limit records that the place from stands in, and returns its rows between from and to.
func (s *grades) read(ctx context.Context, from, to place, limit int) (feed.Page, error) {
	if limit < 1 || limit > MaxPage {
		return feed.Page{}, feed.Errorf(feed.Fail, "", "%s: a page of %d records was asked for; 1 to %d are possible", s.label, limit, MaxPage)
	}
	start, stop := from.before(limit), to.before(limit)
	if start >= stop {
		return feed.Page{Next: from.cursor(), Done: true, Total: -1}, nil
	}
	next := from.following(limit)
	end := next.before(limit) // of the page, which begins limit records earlier
	first := end - int64(limit)
	a, size, err := s.get(ctx, next.Page, limit, window{int(start - first), int(min(end, stop) - first)})
	if err != nil {
		return feed.Page{}, err
	}
	page := feed.Page{
		Rows: feed.Batch{Columns: s.columns, Values: a.values}, Next: next.cursor(),
		Total: a.count().n, Bytes: size, Rejected: a.rejected, Notes: a.notes,
	}
	page.Done = a.places == 0 || end >= page.Total || end >= stop
	switch {
	case a.places == 0:
		page.Next = from.cursor()
	case end > stop:
		page.Next = to.cursor()
	}
	return page, nil
}

// get fetches and decodes one page, and refuses what is none. Size is that of the body in bytes.
func (s *grades) get(ctx context.Context, page int64, limit int, w window) (a *answer, size int, err error) {
	q := query{s, page, limit}
	r, err := s.client.Do(ctx, transport.Call{
		Op: q.op(),
		Build: func(ctx context.Context) (*http.Request, error) {
			return s.connection.build(ctx, s.address, page, limit)
		},
		Secrets: s.connection.secrets(),
	})
	if err != nil {
		return nil, 0, err
	}
	a, err = decode(r.Body, w, s.digits)
	if err != nil {
		return nil, 0, transport.Unreadable(q.op(), transport.Redact(r.Body, s.connection.secrets()...), err)
	}
	if e := q.judge(a); e != nil {
		return nil, 0, e
	}
	return a, len(r.Body), nil
}
