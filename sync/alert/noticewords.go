package alert

import (
	"fmt"
	"strings"
	"time"
)

// composeNotice puts events to a partner into words, in Chinese and English: what does not work, since when, how many
// records wait, what is being done and whom to ask. Nothing in it is internal: no job, no host, no error, no record.
func composeNotice(lang, _ string, events []Event) Message {
	zh, en := speech{zh: true}, speech{}
	m := Message{Instance: "milkrun", Lang: lang}
	var bodies []string
	for _, e := range events {
		bodies = append(bodies, zh.notice(e)+"\n\n"+en.notice(e))
		e.Name = e.Notice.Interface // the partner knows who they are
		m.Events = append(m.Events, e)
	}
	m.Title = zh.noticeTitle(events[0]) + " / " + en.noticeTitle(events[0])
	if len(events) > 1 {
		m.Title = fmt.Sprintf("数据交换通知 %d 条 / %d notices on data exchanges", len(events), len(events))
	}
	m.Body = strings.Join(bodies, "\n\n----\n\n")
	return m
}

// TestNotice is what milkrun alert test --partner sends.
func TestNotice(p *Partner, now time.Time) Message {
	return composeNotice("zh", "", []Event{{Subject: Subject{Kind: Test, Scope: PartnerScope}, At: now, Since: now, Partner: p.Name,
		Location: now.Location(), Notice: Notice{Interface: "-", Impact: -1, OurContact: p.OurContact}}})
}

func (w speech) noticeTitle(e Event) string {
	name := e.Notice.Interface
	switch {
	case e.Kind == Test:
		return w.say("a test, nothing is wrong", "【测试】数据交换故障通知，请忽略")
	case e.Over:
		return w.sayf("data exchange restored: %s", "数据交换已恢复：%s", name)
	case e.Kind == Escalated:
		return w.sayf("data exchange still disturbed: %s", "数据交换故障持续：%s", name)
	}
	return w.sayf("data exchange disturbed: %s", "数据交换故障：%s", name)
}

func (w speech) notice(e Event) string {
	var lines []string
	add := func(label, text string) { lines = append(lines, label+text) }
	if e.Kind == Test {
		add("", w.say("This is a test of the way in which you are told of faults. Nothing is wrong.", "这是对故障通知渠道的测试，数据交换正常。"))
	} else {
		add(w.say("Interface: ", "接口："), e.Notice.Interface)
		add(w.say("Since: ", "开始时间："), w.time(e, e.Since))
		if e.Over {
			add(w.say("Restored: ", "恢复时间："), w.time(e, e.At))
		}
		add(w.say("Impact: ", "影响："), w.impact(e))
		add(w.say("What we do: ", "处理："), w.measures(e))
	}
	add(w.say("Contact: ", "联系人："), e.Notice.OurContact)
	return strings.Join(lines, "\n")
}

func (w speech) impact(e Event) string {
	switch {
	case e.Notice.Impact < 0:
		return w.say("the number of records is not known yet", "受影响记录数待确认")
	case e.Over:
		return w.sayf("up to %d records came late", "最多 %d 条记录延迟", e.Notice.Impact)
	}
	return w.sayf("%d records wait", "%d 条记录等待交换", e.Notice.Impact)
}

// measures is what is being done, by what sort of trouble it is.
func (w speech) measures(e Event) string {
	switch {
	case e.Over:
		return w.say("exchanges run as agreed again; what waited follows by itself", "交换已按约定恢复，积压数据将自动补传")
	case e.Notice.Trouble == Halted:
		return w.say("exchanges are stopped until the cause is mended; nothing is lost, and what waits follows then", "已暂停交换并排查原因；数据未丢失，恢复后自动补传")
	case e.Notice.Trouble == Late, e.Notice.Trouble == Stale:
		return w.say("the exchange is behind its time and is being looked into; nothing is lost", "交换未按时完成，正在处理；数据未丢失")
	}
	return w.say("the exchange is tried again by itself and is being looked into; nothing is lost", "系统正在自动重试并排查原因；数据未丢失")
}
