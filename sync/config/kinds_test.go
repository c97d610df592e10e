package config_test

import (
	"context"
	"net/http"
	"strings"

	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/words"
)

// The kinds below look like the real ones: "platform" is read only, "gateway" written only, "store" both.

type platform struct {
	url, user, rate string
	password        secret.Secret
	retries         int
	plain           bool
}

func (p *platform) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("url", &p.url, "where the platform is", "平台地址").Require(),
		setting.Text("username", &p.user, "account", "账号"),
		setting.Secret("password", &p.password, "its password", "密码").Require(),
		setting.Text("rate", &p.rate, "calls a second", "频率"),
		setting.Int("retries", &p.retries, "tries", "次数").Between(1, 5, "B.2: five at most"),
		setting.Bool("allow_http", &p.plain, "without TLS", "允许 http"),
	}
}

func (p *platform) Validate() []setting.Problem {
	if p.url != "" && !strings.HasPrefix(p.url, "https://") && !p.plain {
		return []setting.Problem{{Key: "url", Text: "http:// sends secrets in the clear", Remedy: "use https://"}}
	}
	return nil
}

func (p *platform) Close() error { return nil }

type query struct {
	conn     *platform
	resource string
}

func (q *query) Fields() []setting.Field {
	return []setting.Field{setting.Choice("resource", &q.resource, []string{"grades", "trades"}, "which interface", "接口").Require()}
}
func (q *query) Validate() []setting.Problem { return nil }
func (q *query) Enumerates() bool            { return q.resource == "grades" }
func (q *query) Limits() kind.Limits {
	return kind.Limits{Default: 1000, Max: 1000, Rule: "A.3: pagesize at most 1000"}
}
func (q *query) Open(context.Context, kind.Env) (feed.Source, error) {
	return nil, http.ErrNotSupported
}

type gateway struct{ token secret.Secret }

func (g *gateway) Fields() []setting.Field {
	return []setting.Field{setting.Secret("token", &g.token, "access token", "令牌").Require()}
}
func (g *gateway) Validate() []setting.Problem {
	if strings.Contains(g.token.Reveal(), ":") {
		return []setting.Problem{{Key: "token", Text: "a token holds no colon", Remedy: "copy it again"}}
	}
	return nil
}
func (g *gateway) Close() error { return nil }

type push struct {
	resource string
	fields   map[string]string
}

func (p *push) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("resource", &p.resource, "which interface", "接口").Require(),
		setting.TextMap("fields", &p.fields, "names there", "字段映射"),
	}
}
func (p *push) Validate() []setting.Problem {
	if p.resource == "nowhere" {
		return []setting.Problem{{Text: "this interface has been closed", Remedy: "take another"}}
	}
	return nil
}
func (p *push) Limits() kind.Limits {
	return kind.Limits{Default: 500, Max: 2000, Rule: "4.1: at most 2000 records a call"}
}
func (p *push) Open(context.Context, kind.Env) (feed.Sink, error) { return nil, http.ErrNotSupported }

type store struct{ dsn string }

func (s *store) Fields() []setting.Field {
	return []setting.Field{setting.Text("dsn", &s.dsn, "database", "数据库").Require()}
}
func (s *store) Validate() []setting.Problem { return nil }
func (s *store) Close() error                { return nil }

type rows struct {
	conn  *store
	table string
	keys  []string
}

func (r *rows) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("table", &r.table, "table", "表").Require(),
		setting.Texts("key", &r.keys, "columns that tell rows apart", "主键列"),
	}
}
func (r *rows) Validate() []setting.Problem { return nil }
func (r *rows) Limits() kind.Limits         { return kind.Limits{Default: 5000} }

type rowSource struct {
	rows
	cursor []string
}

func (r *rowSource) Fields() []setting.Field {
	return append(r.rows.Fields(), setting.Texts("cursor", &r.cursor, "columns that order the rows", "游标列"))
}

func (r *rowSource) Open(context.Context, kind.Env) (feed.Source, error) {
	return nil, http.ErrNotSupported
}

type rowSink struct{ rows }

func (r *rowSink) Open(context.Context, kind.Env) (feed.Sink, error) {
	return nil, http.ErrNotSupported
}

func newStore() kind.Connection { return &store{} }

func registry() config.Registry {
	return config.Registry{
		Sources: map[string]kind.SourceType{
			"platform": {
				Connection: func() kind.Connection { return &platform{rate: "5/s"} },
				Source:     func(c kind.Connection) kind.Source { return &query{conn: c.(*platform)} },
			},
			"store": {
				Connection: newStore,
				Source:     func(c kind.Connection) kind.Source { return &rowSource{rows: rows{conn: c.(*store)}} },
			},
		},
		Sinks: map[string]kind.SinkType{
			"gateway": {
				Connection: func() kind.Connection { return &gateway{} },
				Sink:       func(kind.Connection) kind.Sink { return &push{} },
			},
			"store": {
				Connection: newStore,
				Sink:       func(c kind.Connection) kind.Sink { return &rowSink{rows{conn: c.(*store)}} },
			},
		},
	}
}

// environment is the environment of all tests.
func environment(name string) (string, bool) {
	value, ok := map[string]string{"PASSWORD": "from-the-environment\n", "TOKEN": "t0ken", "NOTHING": ""}[name]
	return value, ok
}

func options() config.Options {
	return config.Options{Registry: registry(), LookupEnv: environment, Resolve: true}
}

func printed(ps config.Problems) string {
	var b strings.Builder
	ps.Print(&b, words.English)
	return b.String()
}
