package mask

import (
	"strings"

	"milkrun/sync/uscc"
)

// Scrub hides personal data that stands in free text, such as a partner's error message:
//
//   - Chinese mobile numbers, also behind 86 or 0086 and in groups of 3, 4 and 4 digits.
//   - Identity cards of 18 characters whose check digit is right, and of 15 digits; all with a province and a possible
//     date of birth. One with a wrong check digit counts when it names a birth from 1900 to 2019 and is no unified social
//     credit code: a later date is more often that of an order.
//   - Bank cards of 16 to 19 digits that pass the Luhn check, and without it those that begin with 62 (UnionPay) or are
//     written in groups of four and begin with 3, 4, 5, 6 or 9.
//   - The local part of e-mail addresses, and names behind a label (姓名：, "user_name":).
//
// Groups are separated by a space or a hyphen each. Full-width digits count as the plain ones, and become them in a text
// in which something is hidden. A number counts only when no further digit touches it.
//
// The limits: names without a label, addresses, landline and passport numbers, and numbers that are grouped otherwise or
// broken by a typo in length are not recognised; they need a rule on their field. Unified social credit codes, times and
// other numbers stay as they are, but an order number that happens to have one of these shapes is hidden: of 16 to 19
// digits about one in ten that does not begin with 0 or 1, of 15 about one in a hundred.
//
// It reads the text once, byte by byte; text without finds is returned as it is, without an allocation.
func Scrub(text string) string {
	if !hasWide(text) {
		return scrub(text)
	}
	narrow := wide.Replace(text)
	if clean := scrub(narrow); clean != narrow {
		return clean
	}
	return text
}

// wide makes plain the full-width characters that numbers are written with.
var wide = strings.NewReplacer("０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9",
	"Ｘ", "X", "ｘ", "x", "－", "-")

// hasWide says whether there is a full-width digit, U+FF10 to U+FF19.
func hasWide(text string) bool {
	const lead = "\xef\xbc"
	for at := strings.Index(text, lead); at >= 0 && at+2 < len(text); {
		if c := text[at+2]; c >= 0x90 && c <= 0x99 {
			return true
		}
		next := strings.Index(text[at+1:], lead)
		if next < 0 {
			return false
		}
		at += 1 + next
	}
	return false
}

func scrub(text string) string {
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
	case longest >= 3: // the first group of a phone number
		return s.numbers(i, end)
	}
	return end
}

// numbers replaces the personal numbers that begin between i and end, and returns where to go on: a number in groups may
// go on beyond the word.
func (s *scrubber) numbers(i, end int) int {
	for i < end {
		from := i
		for i < end && isDigit(s.text[i]) {
			i++
		}
		if to := s.grouped(from, i); to > i {
			i = to
			continue
		}
		s.number(from, i)
		i++
	}
	return max(s.done, end)
}

// number replaces the digits [i, j) when they are personal.
func (s *scrubber) number(i, j int) {
	switch n := j - i; {
	case n < 11:
	case isPhone(s.text[i:j]):
		s.replace(i, j, hidePhone(s.text[i:j]))
	case isCountry(s.text[i:j-11]) && isPhone(s.text[j-11:j]):
		s.replace(j-11, j, hidePhone(s.text[j-11:j]))
	case n == 17 && s.endsInX(j) && (isIDCard(s.text[i:j+1]) || isMistypedIDCard(s.text[i:j+1])):
		s.replace(i, j+1, hideIDCard(s.text[i:j+1]))
	case isIDCard(s.text[i:j]), isOldIDCard(s.text[i:j]), isMistypedIDCard(s.text[i:j]):
		s.replace(i, j, hideIDCard(s.text[i:j]))
	case (isBankCard(s.text[i:j]) || isUnionPay(s.text[i:j])) && !s.insideCreditCode(i, j):
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
