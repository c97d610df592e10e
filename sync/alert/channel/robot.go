package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// answer is what the robots answer with HTTP 200, the code in one of three places. Without any of them it is no answer
// of a robot.
type answer struct {
	ErrCode    *int64 `json:"errcode"` // DingTalk, WeCom
	ErrMsg     string `json:"errmsg"`
	Code       *int64 `json:"code"` // Feishu
	Msg        string `json:"msg"`
	StatusCode *int64 `json:"StatusCode"` // Feishu, as it used to be
	StatusMsg  string `json:"StatusMessage"`
}

// codes are what a robot's codes ask for. One that is in neither is a refusal.
type codes struct {
	busy     []int64          // too many messages, or a fault of theirs: it passes
	remedies map[int64]string // what a person has to do
}

// busyWait is how long a robot is left alone that has been sent too much.
const busyWait = time.Minute

// toRobot sends a message to a robot, and returns nil when it was taken.
func (p *post) toRobot(ctx context.Context, known codes, b build) error {
	r, call, err := p.send(ctx, b)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return p.judged(call.Unreadable(r, err))
	}
	code, text := a.code()
	switch {
	case code == nil:
		return feed.Errorf(feed.Fail, "unreadable", "%s: the answer holds no code", call.Op).
			WithRemedy("check that url is the address of a %s robot", p.typ)
	case *code == 0:
		return nil
	}
	e := feed.Errorf(feed.Fail, fmt.Sprintf("code %d", *code), "%s: code %d: %s", call.Op, *code, transport.Said(text, call.Secrets...))
	if slices.Contains(known.busy, *code) {
		e.Verdict, e.RetryAfter = feed.Retry, busyWait
		return e
	}
	remedy := known.remedies[*code]
	if remedy == "" {
		remedy = "look the code up in the robot's documentation, then try milkrun alert test"
	}
	return e.WithRemedy("%s", remedy)
}

func (a answer) code() (code *int64, text string) {
	switch {
	case a.ErrCode != nil:
		return a.ErrCode, a.ErrMsg
	case a.Code != nil:
		return a.Code, a.Msg
	}
	return a.StatusCode, a.StatusMsg
}

// sign returns the HMAC-SHA256 of a text in base64.
func sign(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// cut shortens a text to so many bytes, at the end of a character.
func cut(text string, longest int) string {
	const mark = "…"
	if len(text) <= longest {
		return text
	}
	text = text[:longest-len(mark)]
	for r, size := utf8.DecodeLastRuneInString(text); r == utf8.RuneError && size == 1; r, size = utf8.DecodeLastRuneInString(text) {
		text = text[:len(text)-1]
	}
	return strings.TrimRight(text, " \n") + mark
}
