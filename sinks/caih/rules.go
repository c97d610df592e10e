package caih

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/setting"
)

// The kinds of content.
const (
	code      = "验证码"
	notice    = "通知"
	marketing = "推广"
)

const (
	variable    = "{$var}"
	maxRunes    = 500
	maxVars     = 10
	maxNumbers  = 1000
	maxID       = 60 // uid, batchid
	interfaceAt = "短信接口："
	auditAt     = "短信审核标准："
)

// lint checks signature and content against the interface and the rules for auditing. Each text names its rule.
func (s *settings) lint() []setting.Problem {
	var list []setting.Problem
	no := func(key, remedy, text string) {
		list = append(list, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if why := badSignature(s.signature); why != "" {
		no("signature", "give the name of the company, site, app, shop or trademark", why)
	} else if utf8.RuneCountInString(s.signature) > 8 {
		list = append(list, setting.Problem{Key: "signature", Advice: true, Text: auditAt + "签名 2-8 个字; the interface takes up to 12",
			Remedy: "a shorter one is surer to pass"})
	}
	s.lintText(no)
	s.lintVariables(no)
	switch s.kind {
	case code:
		s.lintCode(no)
	case notice:
		s.lintNotice(no)
	case marketing:
		s.lintMarketing(no)
	}
	if word := s.words.in(s.kind, s.signature+"\n"+s.content); word != "" {
		no("content", "change the text; the list is banned_words", says(auditAt+"违禁词 %q", word))
	}
	return list
}

type report func(key, remedy, text string)

// says is a text with the rule it comes from.
func says(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// badSignature says which rule a signature breaks, "" for none.
func badSignature(text string) string {
	n, digits := 0, true
	for _, r := range text {
		n++
		letter := unicode.Is(unicode.Han, r) || r < utf8.RuneSelf && unicode.IsLetter(r)
		digit := r >= '0' && r <= '9'
		if !letter && !digit {
			return auditAt + "签名只能是中文、英文或数字"
		}
		digits = digits && digit
	}
	switch {
	case n < 2 || n > 12:
		return fmt.Sprintf(interfaceAt+"签名 2-12 个字, this one has %d", n)
	case digits:
		return auditAt + "签名不能全是数字"
	case slices.Contains([]string{"客服通知", "客服中心", "系统通知", "短信通知", "温馨提示", "通知短信", "客服", "通知", "短信", "验证码"}, text):
		return auditAt + "签名不能是中性词"
	}
	return ""
}

func (s *settings) lintText(no report) {
	if strings.TrimSpace(s.content) == "" {
		no("content", "write the text of the message", "the text is empty")
	}
	if n := utf8.RuneCountInString(s.head() + s.content); n > maxRunes {
		no("content", "shorten it", says(interfaceAt+"内容最长 500 个字, 含签名: this one has %d", n))
	}
	for _, r := range s.content {
		switch {
		case strings.ContainsRune("【】", r):
			no("content", "the signature is put before it by itself", says(auditAt+"内容中不能有【】"))
		case strings.ContainsRune("★☆※→←↑↓●○■□◆◇▲△▼▽♀♂♥♡", r):
			no("content", "leave it out", says(auditAt+"内容中不能有特殊符号 %q", string(r)))
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cc) || r == utf8.RuneError:
			no("content", "leave it out", says(auditAt+"内容中不能有伪装或不可见字符 %U", r))
		default:
			continue
		}
		return
	}
}

func (s *settings) lintVariables(no report) {
	vars := strings.Count(s.content, variable)
	if rest := strings.ReplaceAll(s.content, variable, ""); strings.Contains(rest, "{$") || strings.Contains(rest, "{var") {
		no("content", "write a variable as "+variable, says(interfaceAt+"变量写作 {$var}"))
	}
	switch {
	case s.resource == "sendsms" && vars+len(s.params) > 0:
		no("content", `use resource = "varsms"`, says(interfaceAt+"相同内容群发 has no variables"))
	case s.resource == "varsms" && vars == 0:
		no("content", `use resource = "sendsms", or put {$var} into the text`, says(interfaceAt+"变量短信 without a variable"))
	case vars > maxVars:
		no("content", "use fewer", says(interfaceAt+"变量最多 10 个, this one has %d", vars))
	case vars != len(s.params):
		no("params", "name one column for each {$var}, in their order", says(interfaceAt+"%d variables, and %d columns in params", vars, len(s.params)))
	}
}

var (
	codeWord   = regexp.MustCompile(`验证码|注册码|校验码|动态码`)
	codeUse    = regexp.MustCompile(`分钟|小时|有效|过期|失效|用于|登录|登陆|注册|绑定|修改|找回|支付|认证|身份|平台|网站|(?i)app`)
	linkJoined = regexp.MustCompile(`[A-Za-z0-9./:?=&_-]*[A-Za-z0-9]\.[A-Za-z]{2,}[A-Za-z0-9./:?=&_-]*\{\$var\}|(?i)https?://\{\$var\}|\{\$var\}https?://`)
	quit       = regexp.MustCompile(`(退订|拒收).{0,5}(TD|TN)[。.!！]?$|(TD|TN)(退订|拒收)[。.!！]?$`)
)

func (s *settings) lintCode(no report) {
	if n := strings.Count(s.content, variable); n > 1 {
		no("content", "keep to one", says(auditAt+"验证码只能有 1 个变量, this one has %d", n))
	}
	if !codeWord.MatchString(s.content) {
		no("content", "name it", says(auditAt+"验证码须含 验证码、注册码、校验码 或 动态码"))
	}
	if !codeUse.MatchString(s.content) {
		no("content", "say what for, or how long it holds", says(auditAt+"验证码须说明平台、用途或有效期"))
	}
}

func (s *settings) lintNotice(no report) {
	for i, column := range s.params {
		if slices.Contains(s.params[:i], column) {
			no("params", "use it once", says(auditAt+"通知中同一变量只能用一次: column %q", column))
		}
	}
	if linkJoined.MatchString(s.content) {
		no("content", "put a space or a word between them", says(auditAt+"短链接不能与变量直接相连"))
	}
}

func (s *settings) lintMarketing(no report) {
	if strings.Contains(s.content, variable) {
		no("content", "leave the variables out", says(auditAt+"推广短信不能有变量"))
	}
	if !quit.MatchString(strings.TrimSpace(s.content)) {
		no("content", "end it with 拒收请回复TD", says(auditAt+"推广短信须以退订说明结尾, only TD or TN"))
	}
}
