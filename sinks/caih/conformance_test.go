package caih

import (
	"fmt"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
)

func TestConformance(t *testing.T) {
	for resource, keys := range map[string]map[string]any{"varsms": notices(), "sendsms": plain()} {
		t.Run(resource, func(t *testing.T) {
			rows := feed.Batch{Columns: feed.TextColumns("phone", "name")}
			var want []string
			for i := range 8 {
				rows.Values = append(rows.Values, phone(i), fmt.Sprint("张", i))
				text := "【东信在线】今晚系统维护，请提前办理业务。"
				if resource == "varsms" {
					text = fmt.Sprintf("【东信在线】您好张%d，您的申请已受理。", i)
				}
				want = append(want, phone(i)+" "+text)
			}
			bad := []feedtest.BadRow{{Row: []feed.Value{"1380013800", "张三"}, Code: badPhone}, {Row: []feed.Value{nil, "张三"}, Code: badPhone},
				{Row: []feed.Value{"+8613800138000", "张三"}, Code: badPhone}}
			if resource == "varsms" {
				bad = append(bad, feedtest.BadRow{Row: []feed.Value{phone(1), "a;b"}, Code: separator}, feedtest.BadRow{Row: []feed.Value{phone(1), " "}, Code: emptyVariable},
					feedtest.BadRow{Row: []feed.Value{phone(1), "【x】"}, Code: brackets}, feedtest.BadRow{Row: []feed.Value{phone(1), "a\nb"}, Code: badValue},
					feedtest.BadRow{Row: []feed.Value{phone(1), strings.Repeat("长", 500)}, Code: tooLong}, feedtest.BadRow{Row: []feed.Value{phone(1), "赌博"}, Code: bannedWord},
					feedtest.BadRow{Row: []feed.Value{phone(1), true}, Code: badValue})
			}
			feedtest.Sink(t, feedtest.SinkCase{Target: targetOf(keys), Rows: rows, Want: want, Missing: "phone", Bad: bad,
				Secrets: []string{testToken, "sandbox-account", "sandbox-appid"}})
		})
	}
}

func targetOf(keys map[string]any) func(testing.TB) feedtest.Target {
	return func(t testing.TB) feedtest.Target {
		c := sandbox.NewCaih(sandbox.CaihOptions{Keep: true})
		partner := faulty.New(c)
		kinds := []sandbox.Kind{"caih-1", "caih-3", "caih-5", "caih-7", "caih-12", "caih-99", "caih-2auth"}
		return feedtest.Target{
			Open: func(t testing.TB) feed.Sink { return open(t, newTestConnection(t, nil), keys, partner, newBook()) },
			Stored: func(testing.TB) (list []string) {
				for _, m := range c.Messages() {
					list = append(list, m.Phone+" "+m.Text)
				}
				return list
			},
			Faults: lasting(partner.Faults(kinds...)),
			Stall:  partner.Stall,
		}
	}
}

// lasting leaves out -5, after which the sink signs once more and succeeds.
func lasting(set map[string]func(testing.TB)) map[string]func(testing.TB) {
	delete(set, "caih-5")
	delete(set, "caih-2auth")
	return set
}
