package mask

import (
	"strings"
	"time"
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
	if len(text) != 18 || !strings.Contains(provinces, text[:2]+" ") {
		return false
	}
	born, err := time.Parse("20060102", text[6:14])
	return err == nil && born.Year() >= 1900 && born.Year() < 2100 && idCheck(text[:17]) == strings.ToUpper(text[17:])
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
	if len(digits) < 16 || len(digits) > 19 || digits[0] < '2' {
		return false
	}
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
