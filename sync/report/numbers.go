package report

import (
	"fmt"
	"strconv"
	"time"

	"milkrun/sync/words"
)

// grouped writes 1,700,000.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return sign + text
}

// share writes a part of a whole in percent, never rounded up to all of it nor down to nothing; "–" of nothing.
func share(part, whole int64) string {
	switch {
	case whole == 0:
		return "–"
	case part == whole:
		return "100 %"
	case part == 0:
		return "0 %"
	}
	tenths := min(max(part*1000/whole, 1), 999)
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// inBytes writes 12.3 MiB.
func inBytes(n int64) string {
	value, at := float64(n), -1
	for ; value >= 1024 && at < 4; at++ {
		value /= 1024
	}
	if at < 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[at])
}

// span writes how long something took by its largest units.
func (r *Report) span(d time.Duration) string {
	unit := func(n int64, en, zh string) string {
		if r.lang == words.Chinese {
			return fmt.Sprintf("%d %s", n, zh)
		}
		return fmt.Sprintf("%d %s", n, en)
	}
	minutes := int64(d / time.Minute)
	switch {
	case d < time.Second:
		return unit(d.Milliseconds(), "ms", "毫秒")
	case d < time.Minute:
		return unit(int64(d/time.Second), "s", "秒")
	case minutes < 60:
		return unit(minutes, "min", "分")
	case minutes < 48*60 && minutes%60 == 0:
		return unit(minutes/60, "h", "小时")
	case minutes < 48*60:
		return unit(minutes/60, "h", "小时") + " " + unit(minutes%60, "min", "分")
	case minutes/60%24 == 0:
		return unit(minutes/60/24, "d", "天")
	}
	return unit(minutes/60/24, "d", "天") + " " + unit(minutes/60%24, "h", "小时")
}

// clock writes a time in the zone of the report.
func (r *Report) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(r.zone).Format("2006-01-02 15:04")
}
