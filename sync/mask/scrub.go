package mask

import (
	"strings"

	"milkrun/sync/uscc"
)

// Scrub hides personal data that stands in free text, such as a partner's error message: Chinese mobile numbers (also
// behind 86 or 0086), identity cards with a plausible date of birth and their check digit, bank cards that pass the
// Luhn check, the local part of e-mail addresses, and names behind a label (姓名：, "user_name":). A number counts only
// when no further digit touches it. Unified social credit codes, times and other numbers stay as they are. Names without
// a label, addresses and numbers written in groups are not recognised: they need a rule on their field.
//
// It reads the text once, byte by byte; text without finds is returned as it is, without an allocation.
func Scrub(text string) string {
	s := scrubber{text: text}
	for i := 0; i < len(text); {
		if isLocal(text[i]) {
			i = s.word(i)
		} else {
			i = s.labelled(i)
		}
	}
	return s.result()
}

// scrubber holds the text and what has been written of it, which is everything before done.
type scrubber struct {
	text string
	out  strings.Builder
	done int
}

// word looks through the characters from i on that can stand in an e-mail address, and returns where they end.
func (s *scrubber) word(i int) int {
	end, longest, run := i, 0, 0
	for ; end < len(s.text) && isLocal(s.text[end]); end++ {
		run++
		if !isDigit(s.text[end]) {
			run = 0
		}
		longest = max(longest, run)
	}
	switch {
	case s.isAddress(i, end):
		s.replace(i, end, hideName(s.text[i:end]))
	case longest >= 11:
		s.numbers(i, end)
	}
	return end
}

// numbers replaces the personal numbers between i and end.
func (s *scrubber) numbers(i, end int) {
	for i < end {
		from := i
		for i < end && isDigit(s.text[i]) {
			i++
		}
		s.number(from, i)
		i++
	}
}

// number replaces the digits [i, j) when they are personal.
func (s *scrubber) number(i, j int) {
	switch n := j - i; {
	case n < 11:
	case isPhone(s.text[i:j]):
		s.replace(i, j, hidePhone(s.text[i:j]))
	case isCountry(s.text[i:j-11]) && isPhone(s.text[j-11:j]):
		s.replace(j-11, j, hidePhone(s.text[j-11:j]))
	case n == 17 && s.endsInX(j) && isIDCard(s.text[i:j+1]):
		s.replace(i, j+1, hideIDCard(s.text[i:j+1]))
	case n == 18 && isIDCard(s.text[i:j]):
		s.replace(i, j, hideIDCard(s.text[i:j]))
	case isBankCard(s.text[i:j]) && !s.insideCreditCode(i, j):
		s.replace(i, j, hideBankCard(s.text[i:j]))
	}
}

// isAddress says whether the word [i, j) is the local part of an e-mail address that has not been masked before.
func (s *scrubber) isAddress(i, j int) bool {
	return j < len(s.text) && s.text[j] == '@' && startsDomain(s.text[j+1:]) && (i == 0 || s.text[i-1] != '*')
}

func isCountry(digits string) bool { return digits == "86" || digits == "0086" }

// endsInX says whether an X stands at i, and ends the word.
func (s *scrubber) endsInX(i int) bool {
	return i < len(s.text) && s.text[i]|0x20 == 'x' && (i+1 == len(s.text) || !isAlnum(s.text[i+1]))
}

// insideCreditCode says whether the digits [i, j) are part of a word that is a unified social credit code.
func (s *scrubber) insideCreditCode(i, j int) bool {
	for i > 0 && j-i <= 18 && isAlnum(s.text[i-1]) {
		i--
	}
	for j < len(s.text) && j-i <= 18 && isAlnum(s.text[j]) {
		j++
	}
	return uscc.Check(strings.ToUpper(s.text[i:j])) == nil
}

func (s *scrubber) replace(i, j int, by string) {
	s.out.WriteString(s.text[s.done:i])
	s.out.WriteString(by)
	s.done = j
}

func (s *scrubber) result() string {
	if s.done == 0 {
		return s.text
	}
	s.out.WriteString(s.text[s.done:])
	return s.out.String()
}

// isLocal says whether c can stand before the @ of an e-mail address.
func isLocal(c byte) bool {
	return isAlnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-'
}

// startsDomain says whether text begins with a domain name of two labels or more.
func startsDomain(text string) bool {
	label := 0
	for label < len(text) && (isAlnum(text[label]) || text[label] == '-') {
		label++
	}
	return label > 0 && label+1 < len(text) && text[label] == '.' && isAlnum(text[label+1])
}
