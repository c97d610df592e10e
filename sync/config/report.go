package config

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

// KeptAudit is how long exchanges are kept when nobody says otherwise: three years, with a leap day. 个人信息保护法 (clause 56)
// wants records of how personal information was processed for three years at least, 电子商务法 (clause 31) of transactions.
const KeptAudit = 1096 * 24 * time.Hour

// Report is [report]: who we are in the monthly report, and whether the daemon makes one by itself.
type Report struct {
	// Party is our name, as in the agreement (head of 数据接口对接协议).
	Party string
	// Schedule is when the daemon reports on the month before, in the configuration's time zone; nil is never.
	Schedule *schedule.Schedule
	// Out is the folder it writes to; a relative one is beside the state file.
	Out  string
	Lang string // "zh" or "en"

	when string
}

func newReport() Report { return Report{Out: "reports", Lang: "zh", when: schedule.Manual} }

// Fields returns the keys.
func (c *Report) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("party", &c.Party, "our name as in the agreement, for the title", "我方在协议中的全称，用于报告标题"),
		setting.Text("schedule", &c.when, `when the daemon writes the report on the month before: five cron fields; "manual": never`,
			`守护进程生成上月报告的时间：五段 cron 表达式；"manual"：不自动生成`),
		setting.Text("out", &c.Out, "the folder for the reports; a relative one is beside the state file", "报告输出目录，相对路径以状态文件所在目录为准"),
		setting.Choice("lang", &c.Lang, []string{"zh", "en"}, "the language of the daemon's reports", "自动报告的语言"),
	}
}

// Validate checks what is left when the keys are set.
func (c *Report) Validate() []setting.Problem {
	if c.Out == "" {
		return []setting.Problem{{Key: "out", Text: "is empty", Remedy: `write out = "reports", or leave it out`}}
	}
	return nil
}

// reports reads [report].
func (r *reader) reports(c *Config, t *table) {
	if t == nil {
		return
	}
	fields := c.Report.Fields()
	b := block{"report", t}
	f := r.fill(b, fields, nil, nil)
	r.finish(f, fields, c.Report.Validate)
	at, err := schedule.Parse(c.Report.when, c.Location)
	if err != nil && !f.wrong["schedule"] {
		r.report(Error, t.find("schedule").at, b.sub("schedule"), strings.TrimPrefix(err.Error(), "schedule "), `for example "0 6 1 * *"`)
		return
	}
	if err == nil && !at.Manual() {
		c.Report.Schedule = at
	}
}

// calls is what a source or sink calls the thing it reads or writes: the interface of the exchange, for the audit. Where
// the key that says it is left out, its default does.
func (e end) calls(fields []setting.Field) string {
	if e.table.find("query") != nil {
		return "query"
	}
	for _, key := range []string{"resource", "table", "path"} {
		if text := e.table.text(key); text != "" {
			return text
		}
		for _, f := range fields {
			if text, err := strconv.Unquote(f.Default); f.Name == key && err == nil {
				return text
			}
		}
	}
	return ""
}

// fieldsOf are the keys of a block; none of one that could not be made.
func fieldsOf(b kind.Block) []setting.Field {
	if b == nil {
		return nil
	}
	return b.Fields()
}

// text is a key's value when it is a text, else "".
func (t *table) text(key string) string {
	e := t.find(key)
	if e == nil {
		return ""
	}
	text, _ := e.value.(string)
	return text
}

// stating are the settings of a connection that tells the partner a purpose, also when the configuration says none.
type stating interface{ Stated() string }

// purposeOf is the purpose of a job: its own, else that of its interface in the catalogue, else that of a connection which
// has one.
func (k *keys) purposeOf(j *Job) string {
	purpose := k.purpose
	if j.Interface.Interface != nil {
		purpose = cmp.Or(purpose, j.Interface.Purpose)
	}
	for _, c := range []*Connection{j.Sink.Connection, j.Source.Connection} {
		if c == nil {
			continue
		}
		purpose = cmp.Or(purpose, c.purpose)
		if s, ok := c.Settings.(stating); ok {
			purpose = cmp.Or(purpose, s.Stated())
		}
	}
	return purpose
}
