package mask

import "strings"

// grouped replaces the number in groups whose first group is the digits [i, j), and returns where it ends; i when there
// is none.
func (s *scrubber) grouped(i, j int) int {
	var end int
	switch j - i {
	case 3:
		end = s.groups(j, 4, 4)
	case 4:
		end = s.groups(j, 4, 4, 4)
		if end > 0 {
			end = s.lastGroup(end)
		}
	}
	if end == 0 || !s.apart(i, end) {
		return i
	}
	digits := compact(s.text[i:end])
	switch {
	case isPhone(digits):
		s.replace(i, end, hidePhone(digits))
	case len(digits) >= 16 && (strings.IndexByte("34569", digits[0]) >= 0 || isBankCard(digits)):
		s.replace(i, end, hideBankCard(digits))
	default:
		return i
	}
	return end
}

// groups returns where the groups of so many digits end that begin at i, each behind the separator that stands there; 0
// when they are others.
func (s *scrubber) groups(i int, sizes ...int) int {
	at := i
	for _, size := range sizes {
		if at >= len(s.text) || s.text[at] != s.text[i] || !isSeparator(s.text[at]) || s.digitsAt(at+1) < size {
			return 0
		}
		at += 1 + size
	}
	return at
}

// lastGroup steps over the one to three digits with which a card of more than 16 goes on behind i.
func (s *scrubber) lastGroup(i int) int {
	if i < len(s.text) && isSeparator(s.text[i]) {
		if n := s.digitsAt(i + 1); n >= 1 && n <= 3 {
			return i + 1 + n
		}
	}
	return i
}

// digitsAt counts the digits from i on, as far as it matters.
func (s *scrubber) digitsAt(i int) int {
	n := 0
	for n < 5 && i+n < len(s.text) && isDigit(s.text[i+n]) {
		n++
	}
	return n
}

// apart says whether [i, j) is neither part of a longer number or a UUID, nor of one that has been masked before.
func (s *scrubber) apart(i, j int) bool {
	before, after := s.text[:i], s.text[j:]
	return (before == "" || !isHex(before[len(before)-1])) && (after == "" || !isHex(after[0])) &&
		!strings.HasSuffix(strings.TrimRight(before, " -"), "**") && !strings.HasPrefix(strings.TrimLeft(after, " -"), "**")
}

func isSeparator(c byte) bool { return c == ' ' || c == '-' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
