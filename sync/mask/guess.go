package mask

import (
	"regexp"
	"strings"
	"unicode"
)

// hint is a rule and the columns it fits. Patterns see the column's words in lower case with a space around each, so
// that " tel " is a word and "phone" may be part of one.
type hint struct {
	rule    Rule
	columns *regexp.Regexp
}

// hints are tried in order: an e-mail address is no address, and a contact's phone no name.
var hints = [...]hint{
	{password, regexp.MustCompile(`passw|secret| (pwd|token|dob|csrq|csny) |birth(day| |date)|密码|口令|出生|生日`)},
	{email, regexp.MustCompile(`email| (e )?mail(box)? | dzyx |邮箱|电子邮件|邮件地址`)},
	{ipv4, regexp.MustCompile(` ip(v|addr|address)? `)},
	{landline, regexp.MustCompile(`landline| (fax|gddh|cz) |座机|固定电话|固话|传真`)},
	{phone, regexp.MustCompile(`phone|mobile| (tel(no)?|msisdn|safe number|sjhm?|lxdh|lxfs|dhhm) |手机|电话|联系方式`)},
	{idCard, regexp.MustCompile(`idcard|idno|passport|identity|certno| (id|identity|citizen) (card|no|num|number|id) |` +
		` cert(ificate)? (no|num|number) | (sfz|sfzhm?|zjhm?) |身份证|证件号|护照`)},
	{bankCard, regexp.MustCompile(`bankcard|bankaccount|cardno| bank $| bank (card|account|acct|no|num|number) |` +
		` (card|account|acct) (no|num|number) | (yhkh?|yhzh) |银行卡|卡号|银行[账帐][号户]`)},
	{plate, regexp.MustCompile(`licenseplate|plateno| (plate|cphm?) | (car|vehicle) (no|num|number) |车牌`)},
	{address, regexp.MustCompile(`address| (addr|dz|lxdz|txdz|jtzz) |地址|住址|住所`)},
	{name, regexp.MustCompile(` (xm|xingming|lxr|fddbr) |姓名|联系人| 法人 |收[货件]人|寄件人|申请人|经办人|负责人|法人(代表|姓名)|法定代表|用户名|昵称`)},
	{name, regexp.MustCompile(` (contacts?|linkman|receiver|recipient|consignee|addressee|sender|applicant|buyer|payer|payee|` +
		`cardholder|passenger|guardian|surname|user|owner|legal (person|rep|representative)) $`)},
}

// nameColumn is a column that holds a name, thingName one that is nobody's.
var (
	nameColumn = regexp.MustCompile(`name (cn |en |zh )?$`)
	thingName  = regexp.MustCompile(` (enterprise|company|corp|corporation|firm|ent|org|organi[sz]ation|unit|dept|department|office|` +
		`agency|bank|branch|school|hospital|hotel|shop|store|merchant|vendor|supplier|warehouse|carrier|logistics|express|` +
		`product|goods|item|sku|spu|brand|category|order|template|project|platform|system|app|application|module|service|` +
		`server|host|domain|file|path|table|column|field|schema|db|database|index|key|tag|label|menu|page|resource|method|` +
		`function|class|type|kind|status|state|group|role|grade|level|rule|policy|code|event|job|task|queue|topic|channel|` +
		`station|line|route|city|province|district|county|region|area|country|street|road|industry|position|package|config|` +
		`param|option|image|sheet|busi|business|affair|matter|activity|course|game|book|connection)s? ?` +
		`(full |short |display |english |chinese )?name `)
)

// Guess says which rule fits a column, judged by its name in English, in Chinese or by Chinese initials (userPhone,
// id_card, 手机号, sfzh), for records that are stored where nobody configured a mask. A column it is in doubt about
// counts as personal; names of enterprises, products and other known things do not, nor do credit codes.
func Guess(column string) (Rule, bool) {
	spaced := words(column)
	for _, h := range hints {
		if h.columns.MatchString(spaced) {
			return h.rule, true
		}
	}
	if nameColumn.MatchString(spaced) && !thingName.MatchString(spaced) {
		return name, true
	}
	return password, false
}

// Shown is a field's text for a person who looks at it: masked by the rule that fits the column's name, else without what
// looks personal inside, and then of at most 60 characters.
func Shown(column, text string) string {
	if rule, personal := Guess(column); personal {
		return rule.Apply(text)
	}
	if r := []rune(Scrub(text)); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return Scrub(text)
}

// words cuts a column name at case changes, digits and signs, and puts a space around each word: "userPhone2" becomes
// " user phone ".
func words(column string) string {
	var b strings.Builder
	runes := append([]rune(column), 0)
	before := ' '
	for i, r := range runes[:len(runes)-1] {
		if startsWord(before, r, runes[i+1]) {
			b.WriteByte(' ')
		}
		if unicode.IsLetter(r) {
			b.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	return " " + strings.Join(strings.Fields(b.String()), " ") + " "
}

// startsWord says whether a word begins at r: at a change between letters and other signs or between scripts, in
// userPhone at the P and in IDCard at the C.
func startsWord(before, r, after rune) bool {
	switch {
	case unicode.IsLetter(before) != unicode.IsLetter(r), unicode.Is(unicode.Han, before) != unicode.Is(unicode.Han, r):
		return true
	case !unicode.IsUpper(r):
		return false
	}
	return !unicode.IsUpper(before) || unicode.IsLower(after)
}
