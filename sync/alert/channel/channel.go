package channel

import (
	"fmt"
	"slices"
	"strings"

	"milkrun/sync/alert"
	"milkrun/sync/config/near"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// Channel is the settings of one [alerts.channels.NAME], and what sends by them.
type Channel interface {
	kind.Connection
	alert.Channel
	// Kinds are what the channel takes.
	Kinds() []alert.Kind
}

// Types returns the types of channels, sorted.
func Types() []string { return []string{"dingtalk", "email", "feishu", "webhook", "wecom"} }

// New returns new settings of a type, nil when there is no such type.
func New(typ string) Channel {
	switch typ {
	case "dingtalk":
		return newDingTalk()
	case "email":
		return newEmail()
	case "feishu":
		return newFeishu()
	case "webhook":
		return newWebhook()
	case "wecom":
		return newWeCom()
	}
	return nil
}

// taking is the key that all channels have.
type taking struct{ on []string }

func (t *taking) field() setting.Field {
	return setting.Texts("on", &t.on, "what it takes: "+strings.Join(words(), ", ")+"; a recovery also needs its kind of trouble. All when left out",
		"接收的告警种类："+strings.Join(words(), "、")+"；恢复通知还须包含其对应的种类。省略时为全部")
}

// Kinds are what the channel takes.
func (t *taking) Kinds() []alert.Kind {
	if t.on == nil {
		return alert.Kinds()
	}
	kinds := make([]alert.Kind, len(t.on))
	for i, word := range t.on {
		kinds[i] = alert.Kind(word)
	}
	return kinds
}

func (t *taking) problems() []setting.Problem {
	if t.on != nil && len(t.on) == 0 {
		return []setting.Problem{{Key: "on", Text: "the list is empty, so the channel would never be used",
			Remedy: "name what it takes, or leave the key out for everything"}}
	}
	for _, word := range t.on {
		if slices.Contains(words(), word) {
			continue
		}
		p := setting.Problem{Key: "on", Text: fmt.Sprintf("there is no kind of alert %q", word), Remedy: "known are " + strings.Join(words(), ", ")}
		if meant := near.Near(word, words()); meant != "" {
			p.Remedy = fmt.Sprintf("did you mean %q?", meant)
		}
		return []setting.Problem{p}
	}
	if len(t.on) == 1 && t.on[0] == string(alert.Recovered) {
		return []setting.Problem{{Key: "on", Text: "a recovery is sent where its trouble was announced, and this takes no trouble",
			Remedy: `add the kinds whose end is of interest, as on = ["failed", "recovered"]`}}
	}
	return nil
}

func words() []string {
	list := make([]string, 0, len(alert.Kinds()))
	for _, k := range alert.Kinds() {
		list = append(list, string(k))
	}
	return list
}
