package catalogue

import (
	"fmt"
	"regexp"
	"slices"

	"milkrun/sync/exchange"
	"milkrun/sync/setting"
)

// Fields returns the keys of a field. In a file, min and max may be numbers.
func (f *Field) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("type", &f.Type, Types(), "what it holds (agreement, 二.3)", "类型（协议 二.3）"),
		setting.Bool("required", &f.Required, "a record without it is refused", "必填：缺失则拒绝该记录"),
		setting.Custom("min", "number", "", bound(&f.Min), "the least an integer or decimal may be", "整数或小数的最小值"),
		setting.Custom("max", "number", "", bound(&f.Max), "the most it may be", "最大值"),
		setting.Int("min_length", &f.Short, "the least characters of a text", "文本最少字符数").Between(0, 1_000_000, ""),
		setting.Int("max_length", &f.Long, "the most characters of a text", "文本最多字符数").Between(0, 1_000_000, ""),
		setting.Texts("enum", &f.Enum, "the only values there are", "允许的取值"),
		setting.Custom("pattern", "regular expression", "", f.setPattern, "a regular expression that the whole text matches (RE2)",
			"整个文本须匹配的正则表达式（RE2）"),
		dateFormat(&f.Layout, "form of a time or date that comes as text; left out: date_format of the version, of a date yyyy-MM-dd",
			"时间或日期文本的格式；省略时取版本的 date_format，日期为 yyyy-MM-dd"),
		setting.Choice("personal", &f.Personal, Classes(), "the class of personal data it holds", "个人信息类别"),
		setting.Choice("allowed", &f.Allowed, []string{Raw, Masked, Never}, "how a personal field may be exchanged: as it is, only masked, not at all",
			"个人信息允许的传输方式：原文、脱敏、不传输"),
		setting.Text("title", &f.Title, "what it is, in English", "字段说明（英文）"),
		setting.Text("zh", &f.Zh, "what it is, in Chinese", "字段说明（中文）"),
	}
}

// Settings returns the keys of a version but for its dates, from and until, which need a time zone, and its fields.
func (v *Version) Settings() []setting.Field {
	return []setting.Field{dateFormat(&v.Dates, "form of times that come as text, in the letters yyyy MM dd HH mm ss SSS XXX (agreement, 二.3)",
		"时间文本的格式，字母为 yyyy MM dd HH mm ss SSS XXX（协议 二.3）").WithDefault(fmt.Sprintf("%q", exchange.DefaultDateFormat))}
}

func dateFormat(to *exchange.Layout, en, zh string) setting.Field {
	return setting.Custom("date_format", "date format", "", func(text string) error {
		l, err := exchange.ParseLayout(text)
		if err == nil {
			*to = l
		}
		return err
	}, en, zh)
}

func bound(to *string) func(string) error {
	return func(text string) error {
		if _, ok := parseDecimal(text); !ok {
			return fmt.Errorf("%q is no number; write for example 0.01", text)
		}
		*to = text
		return nil
	}
}

func (f *Field) setPattern(text string) error {
	if _, err := regexp.Compile(text); err != nil {
		return fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	f.Pattern = text
	return nil
}

// whole is a regular expression that matches a text only from its beginning to its end.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

// Validate checks what cannot be seen from one key of a field alone.
func (f *Field) Validate() []setting.Problem {
	var list []setting.Problem
	problem := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	number, text, clock := f.Type == Integer || f.Type == Decimal, f.Type == Text, f.Type == Time || f.Type == Date
	for _, k := range []struct {
		key         string
		given, fits bool
		whose       string
	}{
		{"min", f.Min != "", number, "an integer or decimal"}, {"max", f.Max != "", number, "an integer or decimal"},
		{"min_length", f.Short > 0, text, "a text"}, {"max_length", f.Long > 0, text, "a text"},
		{"pattern", f.Pattern != "", text, "a text"}, {"enum", len(f.Enum) > 0, text || number, "a text or number"},
		{"date_format", f.Layout != "", clock, "a time or date"},
		{"allowed", f.Allowed != Masked, f.IsPersonal(), "a personal field"},
	} {
		if k.given && !k.fits {
			problem(k.key, fmt.Sprintf("%s belongs to %s, and this is none", k.key, k.whose), remedyOf(k.key))
		}
	}
	low, _ := parseDecimal(f.Min)
	if high, ok := parseDecimal(f.Max); ok && f.Min != "" && low.compare(high) > 0 {
		problem("min", "min "+f.Min+" is above max "+f.Max, "swap them")
	}
	if f.Long > 0 && f.Short > f.Long {
		problem("min_length", fmt.Sprintf("min_length %d is above max_length %d", f.Short, f.Long), "swap them")
	}
	list = append(list, f.validateEnum()...)
	if f.Required && f.Forbidden() {
		problem("required", "the field is required, and never exchanged", `leave out required, or write allowed = "masked"`)
	}
	return list
}

func remedyOf(key string) string {
	if key == "allowed" {
		return `say which class with personal = "…", or leave it out`
	}
	return "leave it out, or change type"
}

func (f *Field) validateEnum() (list []setting.Problem) {
	for n, word := range f.Enum {
		text, remedy := "", "correct it, or take it out"
		switch _, isNumber := parseDecimal(word); {
		case slices.Contains(f.Enum[:n], word):
			text, remedy = fmt.Sprintf("%q is listed twice", word), "list it once"
		case f.Type != Text && !isNumber:
			text = fmt.Sprintf("%q is no number", word)
		case f.Pattern != "" && !regexp.MustCompile(whole(f.Pattern)).MatchString(word):
			text = fmt.Sprintf("%q does not match pattern", word)
		}
		if text != "" {
			list = append(list, setting.Problem{Key: "enum", Text: text, Remedy: remedy})
		}
	}
	return list
}
