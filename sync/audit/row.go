package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// The kinds of rows.
const (
	Call     = "call"     // one request to a partner over HTTP, with its answer or without one
	Received = "received" // one request of a partner to us: a report on what became of a message
	Batch    = "batch"    // one page read from, or one batch written to, a database or a file
	Pruned   = "pruned"   // older rows were removed: Records is the number of the last one, Digest its hash
	Restored = "restored" // the state file was put back from a backup; Batch names it
)

// The directions, as we see them.
const (
	In  = "in"  // the partner gave, we took
	Out = "out" // we gave
)

// Sum is a SHA-256; the zero Sum is none.
type Sum [sha256.Size]byte

// String writes it in hex, the zero Sum as "".
func (s Sum) String() string {
	if s == (Sum{}) {
		return ""
	}
	return hex.EncodeToString(s[:])
}

// ParseSum reads 64 hex digits.
func ParseSum(text string) (s Sum, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(s) {
		return s, fmt.Errorf("%q is no hash: it has 64 hex digits", text)
	}
	return Sum(b), nil
}

// Row is one exchange.
type Row struct {
	Seq  int64 // from 1, without gaps
	Kind string
	At   time.Time     // when it began; whole milliseconds
	Took time.Duration // whole milliseconds

	// Who. Operator is empty when a schedule made it. RunID is 0 when dead letters were tried again.
	Job      string
	RunID    int64
	Trigger  string // "schedule", "catch-up", "resume", "manual", "backfill", "dead letter"; "report" when the partner began it
	Operator string

	// What, and what for.
	Connection string
	Interface  string // the resource or table
	Purpose    string // as the configuration states it
	Direction  string // In or Out; "" for Pruned and Restored
	Batch      string // "812/3" (the third batch of run 812, from 0), the id of a recorded batch, or where a page begins

	Records  int64 // accepted, or taken
	Rejected int64
	Bytes    int64 // of the body that carried the data; 0 for Batch rows
	// Digest is of that body: the answer of a partner that is read, the request to one that is written to, as it is once TLS
	// and Content-Encoding are undone. A Batch row has none: there is no body that both sides could digest.
	Digest Sum
	Key    string // [Fingerprint] of the credential; "" without one

	Status string // "HTTP 200", "timeout", "network" …; "" for Batch rows
	Code   string // why it was not accepted: the partner's own code, else the error's; "" when all went well

	Hash Sum // of this row and the one before

	// Foreign says that a value of the row stands in the state file in a form that is never written there, and would be read as
	// another one: a digest of one byte, a time without milliseconds. It is not hashed.
	Foreign bool
}

// layout is how times are hashed, stored and exported: they sort as text.
const layout = "2006-01-02T15:04:05.000Z"

// Stamp writes a time as it is hashed.
func Stamp(t time.Time) string { return t.UTC().Format(layout) }

// version begins what is hashed, so that another layout of it can never be taken for this one.
const version = "milkrun exchange 1"

// encode appends what is hashed of a row: the version and every field but the hash, each as a netstring ("5:hello,").
// Since each says how long it is, two different rows never encode the same.
func (r *Row) encode(b []byte) []byte {
	text := func(s string) {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, ':')
		b = append(b, s...)
		b = append(b, ',')
	}
	number := func(n int64) {
		var digits [20]byte
		text(string(strconv.AppendInt(digits[:0], n, 10)))
	}
	text(version)
	number(r.Seq)
	text(r.Kind)
	text(Stamp(r.At))
	number(r.Took.Milliseconds())
	text(r.Job)
	number(r.RunID)
	text(r.Trigger)
	text(r.Operator)
	text(r.Connection)
	text(r.Interface)
	text(r.Purpose)
	text(r.Direction)
	text(r.Batch)
	number(r.Records)
	number(r.Rejected)
	number(r.Bytes)
	text(r.Digest.String())
	text(r.Key)
	text(r.Status)
	text(r.Code)
	return b
}

// Link returns the hash of a row behind the one with the hash before: SHA-256(before ‖ row). The first row has the zero
// Sum before it.
func (r *Row) Link(before Sum) Sum {
	var room [512]byte
	return sha256.Sum256(r.encode(append(room[:0], before[:]...)))
}

// Head is the newest row of a chain: what is to be kept elsewhere. The zero Head is that of an empty chain.
type Head struct {
	Seq  int64
	Hash Sum
	At   time.Time
}

// String writes what [ParseHead] reads: "12345:9f86d0…"; "" for an empty chain.
func (h Head) String() string {
	if h.Seq == 0 {
		return ""
	}
	return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash.String()
}
