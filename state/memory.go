package state

import (
	"context"
	"fmt"
	"time"
)

// Memory is what a partner gave us for good: a licence, by the code of its enterprise. It is no secret and nothing personal.
type Memory struct {
	Connection, Topic, Key, Value string
	Until                         time.Time // when it ends, zero when nobody said
	At                            time.Time // since when it is here; zero in Remember: now
	Who, Why                      string
}

const memoryColumns = "connection, topic, name, value, until, kept_at, who, why"

func scanMemory(row scanner) (m Memory, err error) {
	err = row.Scan(&m.Connection, &m.Topic, &m.Key, &m.Value, when(&m.Until), when(&m.At), &m.Who, &m.Why)
	return m, err
}

// Remember keeps something, in place of what is there under its key; as an operator's change when Who says whose.
func (s *Store) Remember(ctx context.Context, m Memory) error {
	return s.write(ctx, fmt.Sprintf("keeping the %s of %s on connection %s", m.Topic, m.Key, m.Connection), func(t *tx) error {
		err := t.exec("INSERT OR REPLACE INTO memory ("+memoryColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			m.Connection, m.Topic, m.Key, m.Value, stamp(m.Until), t.orNow(m.At), m.Who, m.Why)
		if err != nil || m.Who == "" {
			return err
		}
		return t.audit(m.Who, "keep "+m.Topic+" of "+m.Key, m.Connection, m.Why)
	})
}

// Forget drops what is kept under a key, as an operator's change, and says whether there was anything.
func (s *Store) Forget(ctx context.Context, connection, topic, key, who, why string) (gone bool, err error) {
	err = s.write(ctx, fmt.Sprintf("forgetting the %s of %s on connection %s", topic, key, connection), func(t *tx) error {
		gone, err = t.changed(`DELETE FROM memory WHERE connection = ? AND topic = ? AND name = ?`, connection, topic, key)
		if err != nil || !gone {
			return err
		}
		return t.audit(who, "forget "+topic+" of "+key, connection, why)
	})
	return gone, err
}

// Recall returns what is kept under a key, and whether there is anything.
func (s *Store) Recall(ctx context.Context, connection, topic, key string) (Memory, bool, error) {
	m, found, err := one(ctx, s.r, scanMemory, "SELECT "+memoryColumns+` FROM memory WHERE connection = ? AND topic = ? AND name = ?`, connection, topic, key)
	return m, found, explain(s.path, fmt.Sprintf("reading the %s of %s on connection %s", topic, key, connection), err)
}

// Memories returns all that is kept of a topic on a connection, by key.
func (s *Store) Memories(ctx context.Context, connection, topic string) ([]Memory, error) {
	list, err := all(ctx, s.r, scanMemory, "SELECT "+memoryColumns+` FROM memory WHERE connection = ? AND topic = ? ORDER BY name`, connection, topic)
	return list, explain(s.path, fmt.Sprintf("reading each %s on connection %s", topic, connection), err)
}

// NoteOperation keeps that an operator changed something that is not in the state file: a password at a partner.
func (s *Store) NoteOperation(ctx context.Context, who, what, on, why string) error {
	return s.write(ctx, "noting "+what, func(t *tx) error { return t.audit(who, what, on, why) })
}
