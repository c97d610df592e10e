package sync

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
)

// circuits keeps the blocks that providers announced in the state file, so that a restart is no way around them.
type circuits struct {
	store *state.Store
	log   *logrus.Logger
}

const circuitTopic = "circuit"

// Block implements budget.Memory.
func (c circuits) Block(name, why string, until time.Time) {
	err := c.store.Remember(context.Background(), state.Memory{Connection: name, Topic: circuitTopic, Value: why, Until: until})
	if err != nil {
		c.log.WithError(err).Warn("a block is forgotten when milkrun ends")
	}
}

// Blocked implements budget.Memory.
func (c circuits) Blocked(name string) (until time.Time, why string) {
	m, _, err := c.store.Recall(context.Background(), name, circuitTopic, "")
	if err != nil {
		c.log.WithError(err).Warn("whether there was a block is not known")
	}
	return m.Until, m.Value
}
