package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/alert/channel"
	"milkrun/sync/catalogue"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// Reference writes the reference of all keys as Markdown, in English ("en") or Chinese ("zh"). It reads the same lists
// as the checker, so the two cannot differ.
func Reference(w io.Writer, reg Registry, lang string) error {
	d := document{zh: lang == "zh"}
	d.engine()
	for _, typ := range reg.types() {
		d.kind(typ, reg, reg.connection(typ))
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

// document is a reference being written.
type document struct {
	out strings.Builder
	zh  bool
}

// say picks the language.
func (d *document) say(en, zh string) string {
	if d.zh {
		return zh
	}
	return en
}

func (d *document) line(en, zh string) { fmt.Fprintf(&d.out, "%s\n\n", d.say(en, zh)) }

func (d *document) engine() {
	k := newKeys(time.UTC)
	d.line("# Configuration reference", "# 配置参考")
	d.line("Made from the program's own key lists by a test; do not edit.", "由测试根据程序自身的键表生成，请勿手工修改。")
	d.line("A duration is written \"90s\", \"5m\", \"24h\" or \"7d\". A secret is a reference: \"env:NAME\", \"file:PATH\" (relative to the "+
		"folder of the file) or \"credential:NAME\" (in systemd's $CREDENTIALS_DIRECTORY); a trailing newline is left out. "+
		"The value itself is accepted with a warning.",
		"时长写作 \"90s\"、\"5m\"、\"24h\" 或 \"7d\"。密钥写引用：\"env:变量名\"、\"file:路径\"（相对于配置文件所在目录）或 "+
			"\"credential:名称\"（systemd 的 $CREDENTIALS_DIRECTORY）；末尾换行会去掉。直接写明文可用，但会告警。")
	d.line("## Top level", "## 顶层")
	d.table(topFields(&Config{}))
	d.line("## [jobs.NAME] and [defaults]", "## [jobs.NAME] 与 [defaults]")
	d.line("A key of [defaults] holds for every job that does not set it; retry and mask are merged key by key.",
		"[defaults] 中的键对未设置该键的任务生效；retry 与 mask 按键合并。")
	d.table(slices.Concat(k.fields(), prefixed("retry.", k.retryFields()), []setting.Field{k.maskField()}))
	d.line("A job also has source = { connection = \"NAME\", … } and sink = { connection = \"NAME\", … }; what else they take depends on "+
		"the type of the connection.",
		"任务还须有 source = { connection = \"名称\", … } 与 sink = { connection = \"名称\", … }；其余的键取决于连接类型。")
	d.line("## [page]", "## [page]")
	d.table((&Page{}).Fields())
	d.alerts()
	d.line("## [partners.NAME]", "## [partners.名称]")
	d.line("A partner with channels is told when an exchange with it fails, when that lasts, and when it is over. Nothing in such a message is internal. "+
		"milkrun alert test --partner NAME sends one that is marked as a test.",
		"配置了 channels 的对接方，在交换故障、故障持续及恢复时收到通知，通知不含内部信息。milkrun alert test --partner 名称 发送标明为测试的通知。")
	d.table(alert.NewPartner("").Fields())
	d.line("## [report]", "## [report]")
	report := newReport()
	d.table(report.Fields())
	d.catalogue()
	d.line("# Connection types", "# 连接类型")
	d.line("A connection is [connections.NAME] with type = one of the following, and the keys of that type.",
		"连接写作 [connections.NAME]，type 为下列之一，并带有该类型的键。")
}

// catalogue writes what the file takes that the key catalogue names.
func (d *document) catalogue() {
	d.line("# The catalogue of interfaces", "# 接口目录")
	d.line("The file that the key catalogue names: [catalogue.md](catalogue.md) explains it.", "键 catalogue 所指的文件，说明见 [catalogue.zh-CN.md](catalogue.zh-CN.md)。")
	d.line("## [NAME], an interface", "## [NAME] 接口")
	d.table(catalogue.New("").Fields())
	d.line("## [NAME.v1], a version", "## [NAME.v1] 版本")
	dates := []setting.Field{
		setting.Custom("from", "date", "", nil, "the day it takes effect, as 2026-12-01; left out: it always was in effect", "生效日期，如 2026-12-01；省略则一直有效"),
		setting.Custom("until", "date", "", nil, "the last day it is in effect; left out: until the next version takes effect", "有效期最后一天；省略则到下一版生效为止"),
	}
	d.table(append(dates, catalogue.NewVersion(1).Settings()...))
	d.line("## [NAME.v1.fields], a line for each field", "## [NAME.v1.fields] 每个字段一行")
	d.table(catalogue.NewField("").Fields())
}

// alerts writes what [alerts] and its channels take.
func (d *document) alerts() {
	settings := alert.NewSettings()
	d.line("## [alerts]", "## [alerts]")
	d.table(settings.Fields())
	d.line("A channel is [alerts.channels.NAME] with type = one of the following. milkrun alert test sends a message through each.",
		"通道写作 [alerts.channels.名称]，type 为下列之一。milkrun alert test 向每个通道发送一条测试消息。")
	for _, typ := range channel.Types() {
		fmt.Fprintf(&d.out, "### type = \"%s\"\n\n", typ)
		d.table(channel.New(typ).Fields())
	}
}

func prefixed(prefix string, fields []setting.Field) []setting.Field {
	for i := range fields {
		fields[i].Name = prefix + fields[i].Name
	}
	return fields
}

// kind writes what a type of connection takes, and the sources and sinks on it.
func (d *document) kind(typ string, reg Registry, conn kind.Connection) {
	fmt.Fprintf(&d.out, "## type = \"%s\"\n\n", typ)
	d.table(conn.Fields())
	if t, ok := reg.Sources[typ]; ok {
		s := t.Source(conn)
		d.line("### As a source", "### 作为来源")
		d.table(s.Fields())
		d.limits("page_size", s.Limits())
	}
	if t, ok := reg.Sinks[typ]; ok {
		s := t.Sink(conn)
		d.line("### As a sink", "### 作为目标")
		d.table(s.Fields())
		d.limits("batch_size", s.Limits())
	}
}

func (d *document) limits(key string, l kind.Limits) {
	text := fmt.Sprintf("%s: %s %d", key, d.say("default", "默认"), l.Default)
	if l.Max > 0 {
		text += fmt.Sprintf(d.say(", at most %d", "，最多 %d"), l.Max)
	}
	if l.Rule != "" {
		text += fmt.Sprintf(d.say(" (%s)", "（%s）"), l.Rule)
	}
	fmt.Fprintf(&d.out, "%s\n\n", text)
}

func (d *document) table(fields []setting.Field) {
	if len(fields) == 0 {
		d.line("No keys.", "没有键。")
		return
	}
	d.out.WriteString(d.say("| key | type | default | meaning |\n", "| 键 | 类型 | 默认值 | 含义 |\n"))
	d.out.WriteString("|---|---|---|---|\n")
	for _, f := range setting.Flat(fields) {
		fmt.Fprintf(&d.out, "| `%s` | %s | %s | %s |\n", f.Name, d.typeOf(f), d.defaultOf(f), cell(d.meaning(f)))
	}
	d.out.WriteByte('\n')
}

func (d *document) typeOf(f setting.Field) string {
	if !d.zh {
		return cell(f.Type)
	}
	words := map[string]string{
		"text": "文本", "whole number": "整数", "duration": "时长", "true or false": "布尔值", secretType: "密钥",
		"list of texts": "文本列表", "table of texts": "文本表", "time zone": "时区", "percent": "百分比", "time of day": "时刻", "date": "日期", "number": "数字", "regular expression": "正则表达式",
		"date format": "日期格式", kind.ValuesType: "文本列表或来源", `rate, as "5/s"`: `频率，如 "5/s"`,
	}
	if w, ok := words[f.Type]; ok {
		return w
	}
	return cell(f.Type)
}

func (d *document) defaultOf(f setting.Field) string {
	switch {
	case f.Required:
		return d.say("**required**", "**必填**")
	case f.Default != "":
		return "`" + cell(f.Default) + "`"
	}
	return ""
}

// meaning is what a key means, with its bounds and choices and the rule they come from.
func (d *document) meaning(f setting.Field) string {
	text := d.say(f.En, f.Zh)
	if len(f.Choices) > 0 {
		text += d.say("; one of ", "；可选：") + "`" + strings.Join(f.Choices, "`, `") + "`"
	}
	if f.Min != 0 || f.Max != 0 {
		text += d.say("; ", "；") + fmt.Sprintf("%d … %d", f.Min, f.Max)
	}
	if f.Rule != "" {
		text += d.say(" (", "（") + f.Rule + d.say(")", "）")
	}
	return text
}

// cell makes a text fit into a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
