package catalogue

import "strings"

// decimal is a number as it is written, so that 0.1 is exactly that and no digit of an amount is lost. Its texts are
// windows into the one it was parsed from.
type decimal struct {
	negative        bool
	whole, fraction string // without zeros in front and behind
}

// parseDecimal reads an optional sign, digits, and optionally a point with digits. There is no exponent and no blank.
func parseDecimal(text string) (d decimal, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		text = text[1:]
	}
	whole, fraction, pointed := strings.Cut(text, ".")
	if !digits(whole) || pointed && !digits(fraction) {
		return decimal{}, false
	}
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

// digits says whether a text is digits, at least one.
func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// integral says that nothing stands behind the point.
func (d decimal) integral() bool { return d.fraction == "" }

// compare is below, at or above 0 as d is less than, equal to or more than o.
func (d decimal) compare(o decimal) int {
	switch {
	case d.negative != o.negative:
		if d.negative {
			return -1
		}
		return 1
	case d.negative:
		return -d.size(o)
	}
	return d.size(o)
}

// size compares without the signs.
func (d decimal) size(o decimal) int {
	switch {
	case len(d.whole) != len(o.whole):
		return len(d.whole) - len(o.whole)
	case d.whole != o.whole:
		return strings.Compare(d.whole, o.whole)
	}
	return strings.Compare(d.fraction, o.fraction)
}
