package kind

import "context"

// Notifier are settings of a source that can tell by itself that something is new, so that its job need not wait for its
// next slot. It only wakes: what is new is read like always, and what was not told is found by the schedule.
//
// Notifies says whether the configuration asks for it. Watch calls woke when it begins to hear and whenever something may
// be new, and returns when ctx ends or it hears no more; its errors hold no secret. It opens nothing that a source shares.
type Notifier interface {
	Notifies() bool
	Watch(ctx context.Context, woke func()) error
}
