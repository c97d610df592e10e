package busipush

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
	"milkrun/sync/transport"
)

// judge reads a 2xx answer. Only 200 acknowledges a batch; an answer that does not say so clearly is none (D2).
func judge(op string, body []byte) error {
	a, err := parse(body)
	switch {
	case err != nil && passing(body, err):
		return transport.Unreadable(op, body, err)
	case err != nil:
		return ambiguous(op, err.Error())
	case a.code == "200":
		return nil
	case a.code == "300":
		return feed.Errorf(feed.Refuse, "300", "%s: 晋来办 refused the batch with 300%s", op, a.said())
	case a.code == "302":
		return feed.Errorf(feed.HaltConnection, "302", "%s: 晋来办 denies access with 302%s", op, a.said()).
			WithRemedy("check appcode, modulecode, appsecret and the machine's clock, and ask the platform whether the interface is open to them; then resume the connection")
	}
	return feed.Errorf(feed.HaltJob, short(a.code), "%s: the answer has the code %q, which the document does not know%s", op, short(a.code), a.said()).
		WithRemedy("ask the platform what the code means; resuming the job sends the batch again, which is safe: records are kept by id")
}

func ambiguous(op, what string) error {
	return feed.Errorf(feed.HaltJob, "ambiguous", "%s: the answer neither accepts nor refuses the batch: %s", op, what).
		WithRemedy("ask the platform whether the records arrived; resuming the job sends the batch again, which is safe: records are kept by id")
}

// passing says whether an answer that cannot be read looks like a gateway's page or a cut line.
func passing(body []byte, err error) bool {
	text := bytes.TrimSpace(body)
	return len(text) == 0 || text[0] == '<' || errors.Is(err, io.ErrUnexpectedEOF)
}

type answer struct{ code, msg string }

// said returns the platform's own words, for the end of an error text.
func (a answer) said() string {
	if a.msg == "" {
		return ""
	}
	return ": " + short(a.msg)
}

// short makes a partner's text fit for one line of a log.
func short(text string) string {
	text = mask.Scrub(strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " "))
	if r := []rune(text); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return text
}

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
	if c.said && c.text != strings.TrimSpace(text) {
		return errors.New("its state says one thing, its status another")
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
	if _, err := d.Token(); err != io.EOF {
		return answer{}, errors.New("something follows the JSON object")
	}
	if !c.said {
		return answer{}, errors.New("it has neither a state nor a status")
	}
	msg, _ := fields.Msg.(string)
	return answer{c.text, msg}, nil
}
