package kind

import (
	"context"
	"fmt"

	"milkrun/sync/feed"
)

// Prober is a connection or a sink that can look whether it would work: it is reached, lets us in, has what is needed.
// Probe changes and transfers nothing, sends nothing that is signed and no secret but a database's login, and ends with ctx.
type Prober interface {
	Probe(ctx context.Context, env Env) []Finding
}

// Level is what a finding comes to.
type Level string

// The levels.
const (
	Good    Level = "ok"
	Warning Level = "warning"
	Bad     Level = "error"
)

// Finding is one thing that was looked at: what was found, and what to do when it is not good. It holds no secret.
type Finding struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"` // what was looked at: "dns", "certificate", "clock"
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Found is a finding of a level.
func Found(l Level, check, format string, args ...any) Finding {
	return Finding{Level: l, Check: check, Text: fmt.Sprintf(format, args...)}
}

// WithRemedy adds what to do.
func (f Finding) WithRemedy(format string, args ...any) Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// Failed is the finding that an error is.
func Failed(check string, err error) Finding {
	return Finding{Level: Bad, Check: check, Text: err.Error(), Remedy: feed.Judge(err).Remedy}
}
