package kind

import (
	"context"
	"net/http"
	"time"
)

// Once is the settings of a sink for which delivering twice is harm; what they open is a feed.Opaque.
type Once interface{ Once() }

// Ledger is what an opaque sink keeps in the state file, for its connection. All of it is durable when a call returns.
//
// Take counts n messages against the ration of a day ("2026-11-22"), before they are sent, unless that would be more than
// most; left is what the day has left afterwards. GiveBack takes back what certainly was not sent. Note records to whom a
// batch goes, before it is sent.
type Ledger interface {
	Take(ctx context.Context, day string, n, most int) (left int, taken bool, err error)
	GiveBack(ctx context.Context, day string, n int) error
	Used(ctx context.Context, day string) (int, error)
	Note(ctx context.Context, batch string, list []Addressee) error
}

// Addressee is somebody a batch goes to, without a number: a digest under a key that the state file does not hold, and the
// masked number.
type Addressee struct {
	Person, Shown string
	Copies        int // messages
}

// Receiver is a connection at which the partner calls us. Listens returns where: "127.0.0.1:8643" and "/reports"; an empty
// address when it does not. Receive returns what answers there.
type Receiver interface {
	Listens() (address, path string)
	Receive(Inbox) http.Handler
}

// Inbox takes what a partner reports. Report is durable when it returns nil; one that came before changes nothing.
// Refused is told of calls that are not the partner's.
type Inbox interface {
	Report(ctx context.Context, r Report) error
	Refused(ctx context.Context, from, why string)
}

// Report is what a partner says became of one message.
type Report struct {
	Ref, Batch    string // the partner's id of the batch, and ours ("" when it does not say)
	Person, Shown string
	Delivered     bool
	Code          string // the partner's word for it: DELIVRD
	At            time.Time
}
