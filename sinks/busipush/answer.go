package busipush

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// judge reads a 2xx answer. Only 200 acknowledges a batch; an answer that does not say so clearly is none (D2).
func judge(call transport.Call, r transport.Response) error {
	a, err := parse(r.Body)
	switch {
	case err != nil && transport.Passing(r.Body, err):
		return call.Unreadable(r, err)
	case err != nil:
		return feed.Errorf(feed.HaltJob, "ambiguous", "%w", call.Unreadable(r, err)).
			WithRemedy("the answer neither accepts nor refuses the batch: ask the platform whether the records arrived; " + repeatable)
	case a.code == "200":
		return nil
	}
	said := ""
	if a.msg != "" {
		said = ": " + transport.Said(a.msg, call.Secrets...)
	}
	switch a.code {
	case "300":
		return feed.Errorf(feed.Refuse, "300", "%s: 晋来办 refused the batch with 300%s", call.Op, said).
			WithRemedy("it is sent again a few times, then halved down to the record to blame, which becomes a dead letter")
	case "302":
		return feed.Errorf(feed.HaltConnection, "302", "%s: 晋来办 denies access with 302%s", call.Op, said).
			WithRemedy("check appcode, modulecode, appsecret and the machine's clock, and ask the platform whether the interface is open to them; then resume the connection")
	default:
		code := transport.Code(a.code, call.Secrets...)
		return feed.Errorf(feed.HaltJob, code, "%s: the answer has the code %q, which the document does not know%s", call.Op, code, said).
			WithRemedy("ask the platform what the code means; " + repeatable)
	}
}

const repeatable = "resuming the job sends the batch again, which is safe: records are kept by id"

type answer struct{ code, msg string }

// code is what state and status say together; the decoder calls it for each of them.
type code struct {
	text string
	said bool
}

// UnmarshalJSON takes a text or a number. That both keys are there is fine when they say the same.
func (c *code) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		if text = string(b); !json.Valid(b) || b[0] != '-' && (b[0] < '0' || b[0] > '9') {
			return errors.New("its code is neither a text nor a number")
		}
	}
	if string(b) == "null" {
		return nil
	}
	if other := strings.TrimSpace(text); c.said && c.text != other {
		return fmt.Errorf("its state and status say both %.40q and %.40q", c.text, other)
	}
	*c = code{strings.TrimSpace(text), true}
	return nil
}

// parse reads {"state" or "status": text or number, "msg": text}. The error is [io.ErrUnexpectedEOF] or [io.EOF] for a
// text that ends too early.
func parse(body []byte) (answer, error) {
	var c code
	fields := struct {
		State, Status *code
		Msg           any
	}{State: &c, Status: &c}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&fields); err != nil {
		return answer{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return answer{}, errors.New("something follows the JSON object")
	}
	if !c.said {
		return answer{}, errors.New("it has neither a state nor a status")
	}
	msg, _ := fields.Msg.(string) // one that is no text is left out
	return answer{c.text, msg}, nil
}
