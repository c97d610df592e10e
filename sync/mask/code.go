package mask

import (
	"strconv"
	"strings"
	"time"

	"milkrun/sync/uscc"
)

// provinces are the first two digits of a mainland, Taiwan, Hong Kong or Macao identity card, a space behind each.
const provinces = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 "

// isPhone says whether digits are a Chinese mobile number.
func isPhone(digits string) bool {
	return len(digits) == 11 && digits[0] == '1' && digits[1] >= '3'
}

// isIDCard says whether text is an 18-character identity card with a province, a date of birth and a check digit
// (GB 11643-1999).
func isIDCard(text string) bool {
	year, ok := birth(text)
	return ok && year < 2100 && idCheck(text[:17]) == strings.ToUpper(text[17:])
}

// isMistypedIDCard says whether text looks like an identity card but for its check digit, and is no unified social
// credit code.
func isMistypedIDCard(text string) bool {
	year, ok := birth(text)
	return ok && year < 2020 && isPlace(text) && idCheck(text[:17]) != "" && uscc.Check(strings.ToUpper(text)) != nil
}

// isOldIDCard says whether text is an identity card as issued until 1999: 15 digits, without the century and a check digit
// (GB 11643-1989).
func isOldIDCard(text string) bool {
	return len(text) == 15 && isPlace(text) && isDate("19"+text[6:12])
}

// birth returns the year of birth in what may be an identity card of 18 characters.
func birth(text string) (year int, ok bool) {
	if len(text) != 18 || !inProvince(text) || !isDate(text[6:14]) {
		return 0, false
	}
	year, err := strconv.Atoi(text[6:10])
	return year, err == nil && year >= 1900
}

// isDate also keeps out digits that no calendar has.
func isDate(digits string) bool {
	_, err := time.Parse("20060102", digits)
	return err == nil
}

func inProvince(text string) bool { return strings.Contains(provinces, text[:2]+" ") }

// isPlace says whether text begins with a province and a city in it (GB/T 2260).
func isPlace(text string) bool {
	return inProvince(text) && text[2:4] != "00" && (text[2:4] <= "70" || text[2:4] == "90")
}

// idCheck returns the check digit of the 17 digits before it (ISO 7064, MOD 11-2), "" when they are none.
func idCheck(digits string) string {
	sum := 0
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return ""
		}
		sum = (sum + int(digits[i]-'0')) * 2 % 11
	}
	return "10X98765432"[sum : sum+1]
}

// isBankCard says whether digits can be a bank card: 16 to 19 of them passing the Luhn check (GB/T 15694). No bank's
// numbers begin with 0 or 1, but those of timestamps and generated ids do.
func isBankCard(digits string) bool {
	return len(digits) >= 16 && len(digits) <= 19 && digits[0] >= '2' && luhn(digits)
}

// isUnionPay says whether digits have the length and the beginning of a card of China's banks.
func isUnionPay(digits string) bool {
	return len(digits) >= 16 && len(digits) <= 19 && digits[:2] == "62"
}

// luhn says whether the last digit is the check digit of the others.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

func isDigits(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
