package metrics

import (
	"regexp"

	"milkrun/sync/mask"
)

// maxCodes is how many different codes one connection or job may show.
const maxCodes = 20

// codes are the codes that a connection or a job has shown so far. A code is the partner's own word: one that is long,
// odd or looks like personal data, and every one beyond the first maxCodes, is shown as "other".
type codes map[string]struct{}

// label returns the label value for a code; no code is "none", because an empty label is no label.
func (c codes) label(code string) string {
	if _, known := c[code]; known {
		return code
	}
	switch {
	case code == "":
		return "none"
	case len(c) >= maxCodes, !goodCode.MatchString(code), mask.Scrub(code) != code:
		return "other"
	}
	c[code] = struct{}{}
	return code
}

var goodCode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,31}$`)
