package caih

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

var (
	_ kind.Sink = (*settings)(nil)
	_ kind.Once = (*settings)(nil)
)

// settings are the keys of a sink on a caih connection.
type settings struct {
	connection                         *connection
	resource, signature, content, kind string
	phone                              string   // column
	params                             []string // columns of the variables
	fullwidth                          bool
	sendtime, extend, batchID          string
	wordsFile                          string
	words                              bannedWords
}

// NewSink returns the settings of a sink on a connection made by [NewConnection].
func NewSink(c kind.Connection) kind.Sink {
	own, _ := c.(*connection)
	return &settings{connection: own, phone: "phone"}
}

// Once says that sending twice is harm.
func (s *settings) Once() {}

// Fields returns the keys.
func (s *settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("resource", &s.resource, []string{"sendsms", "varsms"},
			"the same text to all (sendsms), or one with variables (varsms)", "相同内容群发（sendsms）或变量短信（varsms）").Require(),
		setting.Choice("kind", &s.kind, []string{code, notice, marketing}, "what the message is; each has rules of its own", "短信类别，审核规则各不相同").Require(),
		setting.Text("signature", &s.signature, "signature, without 【】; 2 to 12 characters", "短信签名（不含【】），2-12 个字").Require(),
		setting.Text("content", &s.content, "text without the signature; {$var} stands for a variable", "短信正文（不含签名），变量写作 {$var}").Require(),
		setting.Text("phone", &s.phone, "column of the number", "手机号所在的列"),
		setting.Texts("params", &s.params, "columns of the variables, in the order of the text", "各变量对应的列，按出现顺序"),
		setting.Bool("fullwidth", &s.fullwidth, `put "，" and "；" for "," and ";" in a value, which is rejected otherwise`,
			"变量值中的半角逗号、分号替换为全角；默认拒绝该记录"),
		setting.Text("sendtime", &s.sendtime, `when the partner shall send it, in Chinese time: "09:00" of the day, or "2026-03-01 09:00:00"; a past one is at once`,
			"定时发送时间（北京时间），如 09:00 或 2026-03-01 09:00:00，已过则立即发送"),
		setting.Text("extend", &s.extend, "extension of the sender's number, up to 4 digits, if the channel has one", "扩展码，最多 4 位数字，需通道支持"),
		setting.Text("batchid", &s.batchID, "batch id of ours for the partner's statistics, up to 60 characters", "自定义批次号，最长 60 个字符"),
		setting.Text("banned_words", &s.wordsFile, "file with banned words in place of the built-in list", "违禁词文件，代替内置词表"),
	}
}

var digits4 = regexp.MustCompile(`^[0-9]{0,4}$`)

// Validate checks the text against the partner's rules.
func (s *settings) Validate() []setting.Problem {
	var err error
	if s.words, err = readWords(s.wordsFile); err != nil {
		return []setting.Problem{{Key: "banned_words", Text: err.Error(), Remedy: "name a readable file with a word on each line"}}
	}
	list := s.lint()
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if s.phone == "" {
		problem("phone", "no column is named", `leave it out for "phone"`)
	}
	if !digits4.MatchString(s.extend) {
		problem("extend", interfaceAt+"扩展码 1-4 位数字", `write for example extend = "01"`)
	}
	if utf8.RuneCountInString(s.batchID) > maxID {
		problem("batchid", fmt.Sprintf(interfaceAt+"batchid 最长 60, this one has %d", utf8.RuneCountInString(s.batchID)), "shorten it")
	}
	if _, err := s.sendAt(time.Now()); err != nil {
		problem("sendtime", err.Error(), `write "09:00" or "2026-03-01 09:00:00"`)
	}
	return list
}

// Limits returns the document's limit of a call.
func (s *settings) Limits() kind.Limits {
	return kind.Limits{Default: maxNumbers, Max: maxNumbers, Rule: interfaceAt + "号码每次最多 1000 个"}
}

// head is what stands before the text.
func (s *settings) head() string { return "【" + s.signature + "】" }

// sendAt is when the partner shall send, the zero time for at once.
func (s *settings) sendAt(now time.Time) (time.Time, error) {
	if s.sendtime == "" {
		return time.Time{}, nil
	}
	local := now.In(shanghai())
	at, err := time.ParseInLocation(timeLayout, s.sendtime, shanghai())
	if err != nil {
		day, err := time.Parse("15:04", s.sendtime)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time", s.sendtime)
		}
		at = time.Date(local.Year(), local.Month(), local.Day(), day.Hour(), day.Minute(), 0, 0, shanghai())
	}
	if !at.After(now) {
		return time.Time{}, nil
	}
	return at, nil
}

// Open returns the sink. Nothing is sent.
func (s *settings) Open(_ context.Context, env kind.Env) (feed.Sink, error) {
	if s.connection == nil {
		return nil, feed.Errorf(feed.Fail, "", "the sink's connection %s is not of type caih", env.Connection)
	}
	zone := env.Location
	if zone == nil {
		zone = shanghai()
	}
	return &sink{settings: s, label: env.Connection, client: s.connection.Client(env.RoundTripper), ledger: env.Ledger, zone: zone}, nil
}

// needs are the columns that the sink reads.
func (s *settings) needs() []string { return append([]string{s.phone}, s.params...) }

// missing are those that the records do not have.
func (s *settings) missing(c *feed.Columns) (list []string) {
	for _, name := range s.needs() {
		if _, ok := c.Index(name); !ok {
			list = append(list, fmt.Sprintf("%q", name))
		}
	}
	return list
}

func (s *settings) columnsError(c *feed.Columns, missing []string) error {
	return feed.Errorf(feed.Fail, "columns", "the records have no column %s; their columns are %s",
		strings.Join(missing, " and no column "), strings.Join(c.Names(), ", ")).
		WithRemedy("name the right columns in phone and params of the sink")
}
