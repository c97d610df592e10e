package catalogue

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/setting"
)

// Describe writes the description of an interface that the two parties work by (agreement, 甲义务3: 接口说明, 测试用例), as
// Markdown, in English or Chinese: what it is for, what is promised, and for the version of a number, 0 for all, its
// fields with their rules and test cases made from them. It is the same each time.
func (i *Interface) Describe(w io.Writer, version int, chinese bool) error {
	d := document{zh: chinese}
	d.head(i)
	for _, v := range i.Versions {
		if version == 0 || v.Number == version {
			d.version(v)
		}
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

// document is a description being written.
type document struct {
	out strings.Builder
	zh  bool
}

func (d *document) say(en, zh string) string {
	if d.zh {
		return zh
	}
	return en
}

func (d *document) line(text string) { d.out.WriteString(text + "\n") }

// title picks a text of the definition; each stands for the other where one is missing.
func (d *document) title(en, zh string) string {
	if d.zh && zh != "" || en == "" {
		return zh
	}
	return en
}

func (d *document) head(i *Interface) {
	title := i.Name
	if text := d.title(i.Title, i.Zh); text != "" {
		title += d.say(": ", "：") + text
	}
	d.line("# " + inline(title) + "\n")
	for _, one := range []struct{ name, text string }{
		{d.say("Purpose", "用途"), i.Purpose},
		{d.say("Key", "唯一标识"), strings.Join(i.Key, ", ")},
		{d.say("Time of a record", "记录时间字段"), i.Time},
		{d.say("Promised", "时效承诺"), d.promises(i)},
	} {
		if one.text != "" {
			d.line("- " + one.name + d.say(": ", "：") + inline(one.text))
		}
	}
	if i.UserData {
		d.line(d.say("- User data: only the fields listed here are exchanged, personal ones only masked.",
			"- 用户数据接口：仅传输下列字段，个人信息必须脱敏。"))
	}
	d.line("")
}

func (d *document) promises(i *Interface) string {
	if !d.zh {
		return i.Promises()
	}
	var list []string
	if i.Within > 0 {
		list = append(list, "记录产生后 "+setting.FormatDuration(i.Within)+" 内送达")
	}
	if i.DoneBy != "" {
		list = append(list, "每日 "+i.DoneBy+" 前完成")
	}
	if i.Every > 0 {
		list = append(list, "至少每 "+setting.FormatDuration(i.Every)+" 同步一次")
	}
	return strings.Join(list, "；")
}

func (d *document) version(v *Version) {
	d.line("## " + d.say("Version ", "第 ") + strconv.Itoa(v.Number) + d.say("", " 版") + "\n")
	d.line(d.effect(v) + d.say(" Format: JSON, UTF-8; dates as ", "格式：JSON，UTF-8；日期格式 ") + "`" + letters(string(v.Dates)) + "`" + d.say(".", "。") + "\n")
	d.line(d.say("| field | type | required | rules | personal data | meaning |", "| 字段 | 类型 | 必填 | 规则 | 个人信息 | 含义 |"))
	d.line("|---|---|---|---|---|---|")
	for _, f := range v.Fields {
		d.line(fmt.Sprintf("| %#q | %s | %s | %s | %s | %s |", f.Name, d.typeOf(f), d.yes(f.Required), d.rules(f, v), d.personal(f), inline(d.title(f.Title, f.Zh))))
	}
	d.line("")
	d.cases(v)
}

// effect says from when to when a version is in effect, the last day included.
func (d *document) effect(v *Version) string {
	from, to := v.From.Format(time.DateOnly), v.To.AddDate(0, 0, -1).Format(time.DateOnly)
	switch {
	case v.From.IsZero() && v.To.IsZero():
		return d.say("In effect.", "现行有效。")
	case v.To.IsZero():
		return d.say("In effect from "+from+" on.", "自 "+from+" 起生效。")
	case v.From.IsZero():
		return d.say("In effect through "+to+".", "有效期至 "+to+"。")
	}
	return d.say("In effect from "+from+" through "+to+".", "有效期 "+from+" 至 "+to+"。")
}

func (d *document) yes(is bool) string {
	if is {
		return d.say("yes", "是")
	}
	return ""
}

func (d *document) typeOf(f *Field) string {
	return d.say(f.Type, map[string]string{Text: "文本", Integer: "整数", Decimal: "小数", Boolean: "布尔值", Time: "时间", Date: "日期", Any: "任意"}[f.Type])
}

// Rules says what the values of a field keep to, in English or Chinese.
func (v *Version) Rules(f *Field, chinese bool) string {
	d := document{zh: chinese}
	return d.rules(f, v)
}

// rules writes what a value keeps to.
func (d *document) rules(f *Field, v *Version) string {
	var list []string
	if f.Min != "" || f.Max != "" {
		list = append(list, f.Min+" … "+f.Max)
	}
	switch {
	case f.Short > 0 && f.Long > 0:
		list = append(list, fmt.Sprintf(d.say("%d to %d characters", "%d 至 %d 个字符"), f.Short, f.Long))
	case f.Long > 0:
		list = append(list, fmt.Sprintf(d.say("at most %d characters", "最多 %d 个字符"), f.Long))
	case f.Short > 0:
		list = append(list, fmt.Sprintf(d.say("at least %d characters", "至少 %d 个字符"), f.Short))
	}
	if len(f.Enum) > 0 {
		list = append(list, d.say("one of ", "取值 ")+code(strings.Join(f.Enum, " / ")))
	}
	if f.Pattern != "" {
		list = append(list, d.say("form ", "格式 ")+code(f.Pattern))
	}
	if r := newRule(f, v, time.UTC); f.Type == Time || f.Type == Date {
		list = append(list, code(letters(r.layout)))
	}
	return strings.Join(list, d.say("; ", "；"))
}

func (d *document) personal(f *Field) string {
	if !f.IsPersonal() {
		return ""
	}
	class := d.say(f.Personal, map[string]string{"name": "姓名", "phone": "手机号", "landline": "固定电话", "id_card": "身份证号", "bank_card": "银行卡号",
		"address": "地址", "email": "电子邮箱", "ip": "IP 地址", "plate": "车牌号", "other": "其他"}[f.Personal])
	return class + d.say(", ", "，") + d.say(f.Allowed, map[string]string{Raw: "原文", Masked: "脱敏", Never: "不传输"}[f.Allowed])
}

// cases writes the test cases of a version.
func (d *document) cases(v *Version) {
	good, bad := v.Cases()
	d.line("### " + d.say("Test cases", "测试用例") + "\n")
	d.line(d.say("This record is accepted:", "以下记录应被接受：") + "\n")
	d.line("```json\n" + v.record(good) + "\n```\n")
	if len(bad) == 0 {
		return
	}
	d.line(d.say("With one field changed it is refused:", "改动其中一个字段后应被拒绝：") + "\n")
	d.line(d.say("| case | field | value | refused with |", "| 用例 | 字段 | 取值 | 拒绝代码 |"))
	d.line("|---|---|---|---|")
	for n, c := range bad {
		value := d.say("left out", "缺失")
		if c.Value != nil {
			value = code(text(c.Value))
		}
		d.line(fmt.Sprintf("| %d | %#q | %s | %#q |", n+1, c.Field, value, c.Code))
	}
	d.line("")
}

// record writes a record as JSON, in the order of the fields.
func (v *Version) record(values map[string]any) string {
	var lines []string
	for _, f := range v.Fields {
		if value := values[f.Name]; value != nil {
			lines = append(lines, fmt.Sprintf("  %s: %s", text(f.Name), text(value)))
		}
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// text is a value as JSON.
func text(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "null" // texts, numbers and truth values always encode
	}
	return strings.TrimSpace(b.String())
}

// inline makes a text fit into one line of a table.
func inline(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

// code is a text as code in one line of a table.
func code(text string) string {
	mark := "`"
	for strings.Contains(text, mark) {
		mark += "`"
	}
	if len(mark) > 1 {
		text = " " + text + " "
	}
	return mark + strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) + mark
}
