package exchange

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"milkrun/sync/setting"
)

// DefaultDateFormat is what the agreement's template means by YYYYMMDDHH:MM:SS, its separators being lost in print
// (clause 二.3).
const DefaultDateFormat = "yyyy-MM-dd HH:mm:ss"

// Layout is a date format that both sides agreed on, as package time writes it.
type Layout string

// DefaultLayout is that of [DefaultDateFormat].
const DefaultLayout Layout = "2006-01-02 15:04:05"

// letters are the runs of letters a date format may have, and what package time calls them.
func letters() map[string]string {
	return map[string]string{"yyyy": "2006", "MM": "01", "dd": "02", "HH": "15", "mm": "04", "ss": "05",
		"S": "0", "SS": "00", "SSS": "000", "SSSSSS": "000000", "XXX": "Z07:00", "XX": "Z0700"}
}

// mistakes are the letters that are easily taken for others.
func mistakes() map[byte]string {
	return map[byte]string{
		'h': "hh is the hour from 01 to 12, which does not tell 6 in the morning from 18: write HH",
		'Y': "YYYY is the year of the week, which is another one around New Year: write yyyy",
		'D': "DD is the day of the year: write dd",
		'y': "write the year in four digits: yyyy",
	}
}

// ParseLayout reads a date format written with the letters yyyy MM dd HH mm ss, and if wanted SSS (behind a point) and
// XXX (the zone, +08:00); other characters stand for themselves, letters T and Z in quotes. It must name year, month and
// day, each part once, and every date it writes can be read back.
func ParseLayout(format string) (Layout, error) {
	var layout strings.Builder
	seen := map[string]bool{}
	for rest := format; rest != ""; {
		part, text, err := token(rest)
		if err != nil {
			return "", fmt.Errorf("%q: %w", format, err)
		}
		if unit := part[:1]; text != part {
			if seen[unit] && unit != "'" {
				return "", fmt.Errorf("%q has %s twice", format, part)
			}
			seen[unit] = true
		}
		layout.WriteString(text)
		rest = rest[len(part):]
	}
	if !seen["y"] || !seen["M"] || !seen["d"] {
		return "", fmt.Errorf("%q does not name year, month and day: yyyy, MM and dd", format)
	}
	return Layout(layout.String()), readable(format, layout.String(), seen)
}

// token returns the next part of a format and what package time writes for it.
func token(s string) (part, text string, err error) {
	c := s[0]
	switch {
	case c == '\'':
		if end := strings.IndexByte(s[1:], '\''); end >= 0 && strings.Trim(s[1:end+1], "TZ") == "" {
			return s[:end+2], s[1 : end+1], nil
		}
		return "", "", errors.New("only T and Z may stand in quotes")
	case c >= '0' && c <= '9', c == '_':
		return "", "", fmt.Errorf("%q cannot stand in a date format; write for example %s", c, DefaultDateFormat)
	case !isLetter(c):
		return s[:1], s[:1], nil
	}
	part = s[:len(s)-len(strings.TrimLeft(s, s[:1]))]
	if why := mistakes()[c]; why != "" && part != "yyyy" {
		return "", "", errors.New(why)
	}
	text, ok := letters()[part]
	if !ok {
		return "", "", fmt.Errorf("%q is unknown; the letters are yyyy MM dd HH mm ss SSS XXX", part)
	}
	return part, text, nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// readable writes a date and reads it back, since package time finds parts of its own in some neighbourhoods.
func readable(format, layout string, has map[string]bool) error {
	clock := func(unit string, v int) int {
		if has[unit] {
			return v
		}
		return 0
	}
	for _, day := range []int{3, 28} {
		want := time.Date(2019, time.November, day, clock("H", 21), clock("m", 7), clock("s", 59), clock("S", 100_000_000), time.UTC)
		if got, err := time.Parse(layout, want.Format(layout)); err != nil || !got.Equal(want) {
			return fmt.Errorf("%q: a date written like this cannot be read back; separate its parts, SSS by a point", format)
		}
	}
	return nil
}

// Format writes a time in its zone.
func (l Layout) Format(t time.Time) string { return t.Format(string(l)) }

// Parse reads a time, taking it as local when the format has no zone.
func (l Layout) Parse(text string, local *time.Location) (time.Time, error) {
	return time.ParseInLocation(string(l), text, local)
}

// DateFormat is the key date_format, bound to a layout.
func DateFormat(to *Layout) setting.Field {
	return setting.Custom("date_format", "date format", fmt.Sprintf("%q", DefaultDateFormat), func(text string) error {
		l, err := ParseLayout(text)
		if err == nil {
			*to = l
		}
		return err
	}, "form of dates as agreed, in the letters yyyy MM dd HH mm ss SSS XXX (clause 二.3)", "协议约定的日期格式")
}
