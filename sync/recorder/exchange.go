package recorder

import (
	"time"
)

// Exchange is one request with its answer, masked.
type Exchange struct {
	Number     int // in the order of sending, from 1
	Connection string
	Side       Side
	At         time.Time     // when the request left
	Took       time.Duration // until the last byte of the answer
	Request    Request
	Answer     *Answer // nil when none came
	Error      string  // why none came, or why it broke off
}

// Side says which way the records of a connection go.
type Side string

// The sides. A connection that a job both reads from and writes to is of neither.
const (
	Pull  Side = "pull"
	Push  Side = "push"
	Mixed Side = "pull and push"
)

// Request is what was asked.
type Request struct {
	Method string
	Path   string // below the connection's address, escaped
	Query  []Pair
	Header []Pair // by name
	Body   Body
}

// Answer is what came back.
type Answer struct {
	Status int
	Header []Pair // by name
	Body   Body
}

// Pair is a name with a value.
type Pair struct{ Name, Value string }

// Form is how a body is written.
type Form string

// The forms. Of one that is Omitted nothing but its size and digest is known. A URLEncoded one is kept as a JSON object, in
// which values that are JSON stand as such.
const (
	NoBody     Form = "none"
	JSON       Form = "json"
	URLEncoded Form = "form"
	Plain      Form = "text"
	Omitted    Form = "omitted"
)

// Body is a body as it is kept.
type Body struct {
	Form   Form
	Size   int    // bytes on the wire, decompressed
	Digest string // SHA-256 in hex, of an Omitted one
	Text   string // JSON is indented
	tree   *node  // of JSON and URLEncoded
}
