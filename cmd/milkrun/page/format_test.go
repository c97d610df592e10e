package page

import (
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/schedule"
)

func sets() (en, zh set) {
	all := newSets(newAssets())
	return all[english], all[chinese]
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 104_300_000: "104.3 MB", 2_500_000_000: "2.5 GB", 9e15: "9000.0 TB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	en, zh := sets()
	for n, want := range map[int64][2]string{0: {"0 records", "0 条记录"}, 1: {"1 record", "1 条记录"}, 1700: {"1,700 records", "1,700 条记录"}} {
		if a, b := en.many(n, "record"), zh.many(n, "record"); a != want[0] || b != want[1] {
			t.Errorf("%d: %s, %s", n, a, b)
		}
	}
	if got := en.many(1, "try") + ", " + en.many(3, "try"); got != "tried once, tried 3 times" {
		t.Error(got)
	}
}

func TestSpans(t *testing.T) {
	en, zh := sets()
	for d, want := range map[time.Duration][2]string{
		350 * time.Millisecond: {"350 ms", "350 毫秒"}, 59 * time.Second: {"59 s", "59 秒"}, 59*time.Second + 700*time.Millisecond: {"1m00s", "1 分 00 秒"},
		94 * time.Second: {"1m34s", "1 分 34 秒"}, 3*time.Hour + 5*time.Minute: {"3h05m", "3 小时 05 分"}, 75 * time.Hour: {"3d3h", "3 天 3 小时"}, -time.Minute: {"-1m00s", "-1 分 00 秒"},
	} {
		if a, b := en.span(d), zh.span(d); a != want[0] || b != want[1] {
			t.Errorf("%s: %s, %s", d, a, b)
		}
	}
	now := noon()
	for at, want := range map[time.Duration][2]string{
		-10 * time.Second: {"just now", "刚刚"}, -5 * time.Minute: {"5 min ago", "5 分钟前"}, -33 * time.Hour: {"33 h ago", "33 小时前"}, -100 * time.Hour: {"4 days ago", "4 天前"},
		20 * time.Second: {"within a minute", "一分钟内"}, 7 * time.Minute: {"in 7 min", "7 分钟后"}, 50 * time.Hour: {"in 2 days", "2 天后"},
	} {
		if a, b := en.ago(now.Add(at), now), zh.ago(now.Add(at), now); a != want[0] || b != want[1] {
			t.Errorf("%s: %s, %s", at, a, b)
		}
	}
}

func TestCursorsInWords(t *testing.T) {
	en, zh := sets()
	if got := en.inWords(nil) + ", " + zh.inWords(nil); got != "none, 无" {
		t.Error(got)
	}
	for c, want := range map[feed.Cursor]string{
		"": "the beginning", `{"create_date":"2026-03-05 10:39:53","id":413840}`: "create_date 2026-03-05 10:39:53, id 413840",
	} {
		if got := en.inWords(&c); got != want {
			t.Errorf("%s is %q", c, got)
		}
	}
	if got := zh.sumUp(`{"inserted":1,"updated":2000,"deleted":3,"unchanged":4,"reread":2}`); got != "新增 1，更新 2,000，删除 3，未变 4；因行移动重读 2 页" {
		t.Error(got)
	}
	if got := en.sumUp(`{"other":1}`); got != `{"other":1}` {
		t.Error(got)
	}
}

// A decision about a row of slots is a mark on each, on the day it belongs to, also on a day of 25 hours.
func TestRowsOfSlots(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	hourly, err := schedule.Parse("0 * * * *", berlin)
	if err != nil {
		t.Fatal(err)
	}
	job := &config.Job{Name: "x", Schedule: hourly, Location: berlin}
	day := time.Date(2026, 10, 25, 0, 0, 0, 0, berlin)
	row := state.Slot{At: day.Add(-3 * time.Hour), Through: day.Add(30 * time.Hour), Count: 34, Decision: state.Missed}
	if got := len(within(job, row, day, day.AddDate(0, 0, 1))); got != 25 {
		t.Errorf("%d slots on the long day", got)
	}
	if got := len(within(job, row, day.AddDate(0, 0, -1), day)); got != 3 {
		t.Errorf("%d slots on the day before", got)
	}
	if got := within(job, state.Slot{At: day, Through: day, Count: 1}, day.AddDate(0, 0, 1), day.AddDate(0, 0, 2)); got != nil {
		t.Errorf("a slot of another day: %v", got)
	}
}
