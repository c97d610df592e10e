package mask

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// labels are the words behind which a name of a person stands.
var labels = [...]string{"姓名", "名字", "昵称", "户名", "用户", "用户名", "客户", "会员", "本人", "联系人", "收货人", "收件人", "寄件人", "申请人",
	"经办人", "办事人", "当事人", "负责人", "持卡人", "监护人", "法人", "法人代表", "法定代表人", "业主", "患者", "学生", "家长"}

const (
	// assignments stand between a label and a name, with spaces and quotes beside them; brackets right behind the label.
	assignments = ":=：＝"
	brackets    = "[(（【「『《\"“'‘"
	beside      = " \t”’\\" + brackets
	// noSurnames are the characters that a message goes on with and no name begins with: 姓名：不能为空.
	noSurnames = "不必未无为是已请错缺超字非的"
	// longestHan is how many characters a Chinese name has at most; a dotted one, of a people that writes names so, has more.
	longestHan    = 4
	longestDotted = 25
	longestLatin  = 40
	// longestLabel and longestGap are how many bytes are looked at for a label, and for what stands before the name.
	longestLabel = 120
	longestGap   = 16
)

// labelled replaces the name that stands behind the sign at i, if a label stands before it, and returns where to go on.
func (s *scrubber) labelled(i int) int {
	r, size := utf8.DecodeRuneInString(s.text[i:])
	label, from := s.text[max(s.done, i-longestLabel):i], i+size
	switch {
	case strings.ContainsRune(assignments, r):
		label = strings.TrimRight(label, beside)
		gap := s.text[from:min(from+longestGap, len(s.text))]
		from += len(gap) - len(strings.TrimLeft(gap, beside))
	case !strings.ContainsRune(brackets, r):
		return i + size
	}
	end := from + nameBehind(label, s.text[from:])
	if end == from {
		return i + size
	}
	s.replace(from, end, hideName(s.text[from:end]))
	return end
}

// nameBehind is the length of the name of a person that text begins with, 0 when there is none or the label is no label.
func nameBehind(label, text string) int {
	n := hanName(text)
	switch {
	case endsInLabel(text[:n]): // the label is said once more
		return 0
	case endsInLabel(label):
		return max(n, latinName(text))
	case n > 0 && namesPerson(label):
		return n
	}
	return 0
}

func endsInLabel(text string) bool {
	for _, l := range labels {
		if strings.HasSuffix(text, l) {
			return true
		}
	}
	return false
}

// namesPerson says whether text ends in the name of a column that holds names, as userName.
func namesPerson(text string) bool {
	start := len(text)
	for start > 0 && isLocal(text[start-1]) {
		start--
	}
	if start == len(text) {
		return false
	}
	rule, personal := Guess(text[start:])
	return personal && rule == name
}

// hanName is the length of the name that text begins with, 0 when there is none or it has been masked before.
func hanName(text string) int {
	end, runes, most := 0, 0, longestHan
	for at, r := range text {
		switch {
		case isStar(r):
			return 0
		case runes == 0 && strings.ContainsRune(noSurnames, r), runes == most:
			return end
		case runes > 0 && (r == '·' || r == '•' || r == '・'):
			most = longestDotted
		case !unicode.Is(unicode.Han, r):
			return end
		}
		end, runes = at+utf8.RuneLen(r), runes+1
	}
	return end
}

// latinName is the like for a name in Latin letters. An e-mail address is none.
func latinName(text string) int {
	runes := 0
	for at, r := range text {
		switch {
		case isStar(r), r == '@':
			return 0
		case runes == longestLatin, !unicode.Is(unicode.Latin, r) && (runes == 0 || !strings.ContainsRune(" .'-", r)):
			return len(strings.TrimRight(text[:at], " "))
		}
		runes++
	}
	return len(strings.TrimRight(text, " "))
}

func isStar(r rune) bool { return r == '*' || r == '＊' }
