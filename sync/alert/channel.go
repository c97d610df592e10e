package alert

import (
	"context"
	"slices"
)

// Channel takes messages somewhere. Package channel has them.
type Channel interface {
	// Send sends a message once and returns nil when the other side has taken it. An error is judged by its verdict
	// (feed.Judge): Retry, with its RetryAfter, may pass by itself; any other needs a person. It holds no secret. Send
	// returns soon after ctx ends. It is called by one goroutine at a time.
	Send(ctx context.Context, m Message) error
}

// Message is one or more events in words, and how they were put.
type Message struct {
	Instance string // which milkrun this is: the name of its host
	Lang     string // "en" or "zh"
	Title    string // one line
	Body     string // lines, without the title
	Events   []Event
}

// Text is the whole message, for where there are no titles.
func (m Message) Text() string { return m.Title + "\n" + m.Body }

// Route is a channel, and what it takes.
type Route struct {
	Name    string
	On      []Kind
	Channel Channel
	Partner string // whose contacts it reaches, and nobody else; "" for our own people
}

// takes says whether a route takes what an event says about a kind of trouble: a recovery needs both kinds.
func (r Route) takes(says, kind Kind) bool {
	return slices.Contains(r.On, says) && slices.Contains(r.On, kind)
}

func (r Route) pick(events []Event) []Event {
	var list []Event
	for _, e := range events {
		if r.Partner == e.Partner && r.takes(e.Says(), e.Kind) {
			list = append(list, e)
		}
	}
	return list
}
