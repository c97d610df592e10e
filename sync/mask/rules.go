package mask

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/uscc"
)

// stars returns one star for each code point.
func stars(text string) string { return strings.Repeat("*", utf8.RuneCountInString(text)) }

// ends returns a rule that keeps head characters at the beginning and tail at the end of a text of at least least.
func ends(least, head, tail int) func(string) string {
	return func(text string) string {
		n := utf8.RuneCountInString(text)
		if n < least {
			return strings.Repeat("*", n)
		}
		from, to := offset(text, head), offset(text, n-tail)
		return text[:from] + strings.Repeat("*", n-head-tail) + text[to:]
	}
}

// offset returns where the character with number n (from 0) begins.
func offset(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}

// hidePhone keeps three and four characters.
func hidePhone(text string) string { return ends(11, 3, 4)(text) }

// hideIDCard keeps one and two characters.
func hideIDCard(text string) string { return ends(8, 1, 2)(text) }

// hideName keeps the first character.
func hideName(text string) string { return ends(2, 1, 0)(text) }

// hideNameMiddle keeps the first and the last character; of a name of two, only the first.
func hideNameMiddle(text string) string {
	if utf8.RuneCountInString(text) <= 2 {
		return hideName(text)
	}
	return ends(3, 1, 1)(text)
}

// hideBankCard writes the number in groups of four, of which the first and the last (of one to four) are clear.
func hideBankCard(text string) string {
	card := compact(text)
	if len(card) < 9 || !isDigits(card) {
		return stars(text)
	}
	last := (len(card) - 1) / 4 * 4
	return card[:4] + strings.Repeat(" ****", last/4-1) + " " + card[last:]
}

// hideBankCardAlipay keeps six and four digits.
func hideBankCardAlipay(text string) string {
	card := compact(text)
	if len(card) < 14 || !isDigits(card) {
		return stars(text)
	}
	return ends(14, 6, 4)(card)
}

// compact removes what people put between the digits of a card.
func compact(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// hideAddress hides the last eight characters. What is kept often begins with the receiver's phone number.
func hideAddress(text string) string {
	n := utf8.RuneCountInString(text)
	if n <= 8 {
		return stars(text)
	}
	return Scrub(text[:offset(text, n-8)]) + "********"
}

// hideEmail keeps the first character and the domain. Text that is more than an address is hidden as a whole.
func hideEmail(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 1 || !isDomain(text[at+1:]) {
		return stars(text)
	}
	return hideName(text[:at]) + text[at:]
}

// isDomain says whether text is a domain name and nothing that Scrub would hide.
func isDomain(text string) bool {
	odd := func(r rune) bool { return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return strings.Contains(text, ".") && !strings.ContainsFunc(text, odd) && Scrub(text) == text
}

// hideCreditCode leaves the code of an organisation as it is, right check digit or not: it is public. The one of a
// sole trader (92…) keeps eight and two characters. Sole traders of old are registered under their identity card: that,
// like all else, is hidden.
func hideCreditCode(text string) string {
	code := strings.ToUpper(text)
	err := uscc.Check(code)
	switch {
	case err != nil && !errors.Is(err, uscc.CheckDigit), isIDCard(code):
		return stars(text)
	case strings.HasPrefix(code, "92"):
		return ends(uscc.Size, 8, 2)(text)
	}
	return text
}

// hideIPv4 keeps the first number.
func hideIPv4(text string) string {
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return stars(text)
	}
	first, _, _ := strings.Cut(text, ".")
	return first + ".*.*.*"
}
