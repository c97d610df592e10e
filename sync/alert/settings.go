package alert

import (
	"time"

	"milkrun/sync/setting"
)

// Settings are the keys of [alerts]; its channels are [alerts.channels.NAME]. Make it with [NewSettings].
type Settings struct {
	Lang     string // "en" or "zh"
	CoolDown time.Duration
}

// NewSettings returns the defaults: English, an hour.
func NewSettings() Settings { return Settings{Lang: "en", CoolDown: time.Hour} }

// Fields returns the keys.
func (s *Settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("lang", &s.Lang, []string{"en", "zh"}, "the language of the messages", "告警消息的语言"),
		setting.Duration("cool_down", &s.CoolDown,
			"the least time between two alerts of the same kind about the same job or connection; what comes in between is counted",
			"同一任务或连接的同类告警的最短间隔；其间发生的只计数"),
	}
}

// Validate finds nothing wrong beyond what the fields do.
func (s *Settings) Validate() []setting.Problem { return nil }
