package alert

import (
	"fmt"
	"strings"
	"time"

	"milkrun/sync/setting"
	"milkrun/sync/words"
)

// longestList is how many events a message shows; the rest it counts.
const longestList = 10

// Compose puts events into words, in English ("en") or Chinese ("zh"). Several make a list of one or two lines each.
func Compose(lang, instance string, events []Event) Message {
	w := speech{lang: words.Lang(lang), zh: lang == string(words.Chinese)}
	m := Message{Instance: instance, Lang: lang, Events: events}
	who := w.say("milkrun "+instance+": ", "milkrun "+instance+"：")
	if len(events) == 1 {
		m.Title, m.Body = who+w.title(events[0]), w.body(events[0])
		return m
	}
	m.Title = who + w.summary(events)
	m.Body = w.list(events)
	return m
}

// TestMessage is what `milkrun alert test` sends.
func TestMessage(lang, instance string, now time.Time) Message {
	return Compose(lang, instance, []Event{{Subject: Subject{Kind: Test}, At: now, Since: now, Location: now.Location()}})
}

// speech speaks one language.
type speech struct {
	lang words.Lang
	zh   bool
}

func (w speech) say(en, zh string) string {
	if w.zh {
		return zh
	}
	return en
}

func (w speech) sayf(en, zh string, args ...any) string { return fmt.Sprintf(w.say(en, zh), args...) }

// name is what an event is about.
func (w speech) name(e Event) string {
	if e.Scope == ConnectionScope {
		return w.say("connection ", "连接 ") + e.Name
	}
	return w.say("job ", "任务 ") + e.Name
}

// title is an event in one line.
func (w speech) title(e Event) string {
	name := w.name(e)
	switch {
	case e.Kind == Test:
		return w.say("a test alert", "测试告警")
	case e.Over && e.Kind == Halted:
		return w.sayf("%s is no longer halted", "%s 已解除挂起", name)
	case e.Over && e.Kind == Late:
		return w.sayf("%s is done, late", "%s 已完成（迟到）", name)
	case e.Over:
		return w.sayf("%s has recovered", "%s 已恢复", name)
	case e.Kind == Halted:
		return w.sayf("%s is halted", "%s 已挂起", name)
	case e.Kind == Late:
		return w.sayf("%s is late", "%s 未按时完成", name)
	case e.Kind == Stale:
		return w.sayf("%s has had no success for %s", "%s 已超过 %s 没有成功", name, setting.FormatDuration(e.Limit))
	}
	return w.sayf("%s failed", "%s 失败", name)
}

// body is what else there is to say, a line each.
func (w speech) body(e Event) string {
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, label+text)
		}
	}
	add(w.say("What: ", "情况："), w.what(e))
	add(w.say("Since: ", "开始："), w.since(e))
	add(w.say("Run: ", "运行："), w.run(e))
	add(w.say("Jobs: ", "涉及任务："), strings.Join(e.Jobs, w.say(", ", "、")))
	add(w.say("Do: ", "处理："), w.remedy(e))
	add(w.say("Type: ", "命令："), e.Command())
	return strings.Join(lines, "\n")
}

// what is the reason, or what is not as promised.
func (w speech) what(e Event) string {
	switch {
	case e.Kind == Test:
		return w.say("this channel works", "此告警通道可用")
	case e.Over && e.Kind == Halted && e.Scope == ConnectionScope:
		return w.say("its jobs run again at their next slots", "其任务将在下一计划时刻运行")
	case e.Over && e.Kind == Halted:
		return w.say("it runs again at its next slot", "将在下一计划时刻运行")
	case e.Over:
		return w.sayf("succeeded at %s", "已于 %s 成功", w.time(e, e.At))
	case e.Kind == Late:
		return w.joined(w.sayf("the slot of %s was not done by %s", "计划时刻 %s 的运行未在 %s 前完成", w.time(e, e.Slot), e.in(e.At).Format("15:04")),
			w.lang.Text(e.Text), w.underWay(e))
	case e.Kind == Stale:
		return w.joined(w.lastSuccess(e), w.paused(e), w.underWay(e))
	}
	return w.lang.Text(e.Text)
}

func (w speech) joined(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, w.say("; ", "；"))
}

func (w speech) lastSuccess(e Event) string {
	if e.Never {
		return w.sayf("it has never succeeded since it was first seen at %s", "自 %s 首次出现以来从未成功", w.time(e, e.Since))
	}
	return w.sayf("the last success was at %s", "上次成功为 %s", w.time(e, e.Since))
}

func (w speech) underWay(e Event) string {
	if e.Running.IsZero() {
		return ""
	}
	return w.sayf("a run is under way since %s", "自 %s 起正在运行", w.time(e, e.Running))
}

func (w speech) paused(e Event) string {
	if e.PausedBy == "" {
		return ""
	}
	return w.sayf("it is paused by %s", "已由 %s 暂停", e.PausedBy)
}

// since is when it began, and how often it happened since.
func (w speech) since(e Event) string {
	if e.Kind == Stale && !e.Over || e.Kind == Test {
		return "" // said already
	}
	text := w.time(e, e.Since)
	if e.Count < 2 {
		return text
	}
	switch e.Kind {
	case Failed:
		return text + w.sayf(" (%d failed runs)", "（已失败 %d 次）", e.Count)
	default:
		return text + w.sayf(" (%d times)", "（共 %d 次）", e.Count)
	}
}

func (w speech) run(e Event) string {
	if e.Run == 0 {
		return ""
	}
	if e.Kind == Halted {
		return fmt.Sprint(e.Run)
	}
	c := e.Counts
	return w.sayf("%d, read %d, delivered %d, rejected %d", "%d，读取 %d，送达 %d，拒绝 %d", e.Run, c.Read, c.Delivered, c.Rejected)
}

// remedy is what to do: what the error says, else what this kind of trouble asks for.
func (w speech) remedy(e Event) string {
	switch {
	case e.Over, e.Kind == Test:
		return ""
	case e.Remedy != "":
		return w.lang.Text(e.Remedy)
	case e.Kind == Halted:
		return w.say("mend the cause, then resume it", "排除原因后恢复")
	case e.Kind == Late && !e.Running.IsZero():
		return w.say("see how far the run is", "查看运行进度")
	case e.Kind == Late, e.Kind == Stale && e.PausedBy == "":
		return w.say("see why nothing has succeeded", "查看为何没有成功")
	case e.Kind == Stale:
		return w.say("resume it if the pause was forgotten", "如系遗忘，请恢复任务")
	}
	return w.say("see what the run did", "查看该次运行")
}

func (w speech) time(e Event, t time.Time) string { return e.in(t).Format("2006-01-02 15:04 -07:00") }

// summary counts the events of a list.
func (w speech) summary(events []Event) string {
	over := 0
	for _, e := range events {
		if e.Over {
			over++
		}
	}
	var parts []string
	if n := len(events) - over; n > 0 {
		parts = append(parts, w.count(n, "alert", "条告警"))
	}
	if over > 0 {
		parts = append(parts, w.count(over, "recovery", "条恢复"))
	}
	return strings.Join(parts, w.say(", ", "，"))
}

func (w speech) count(n int, en, zh string) string {
	if w.zh {
		return fmt.Sprintf("%d %s", n, zh)
	}
	if n != 1 {
		en = strings.TrimSuffix(en, "y") + map[bool]string{true: "ies", false: "s"}[strings.HasSuffix(en, "y")]
	}
	return fmt.Sprintf("%d %s", n, en)
}

// list is one or two lines an event.
func (w speech) list(events []Event) string {
	var b strings.Builder
	for i, e := range events {
		if i == longestList {
			b.WriteString(w.sayf("… and %d more\nType: milkrun status", "……另有 %d 条\n命令：milkrun status", len(events)-i))
			return b.String()
		}
		b.WriteString("- " + w.title(e))
		if what := w.what(e); what != "" && !e.Over {
			b.WriteString(w.say(": ", "：") + shorten(what, 100))
		}
		if command := e.Command(); command != "" {
			b.WriteString("\n  " + command)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
