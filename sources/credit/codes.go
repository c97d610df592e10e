package credit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/uscc"
)

// maxCodes bounds the list that is kept in memory, about 40 bytes a code. Whoever wants more wants resource grades, which
// takes 1,000 a call.
const maxCodes = 1_000_000

// longestCode is how much is kept of what is no code, in bytes.
const longestCode = 64

// codeList is the codes to ask for, in their order and each once, so that a place in it is a code: it stays where it is when
// others come or go.
type codeList []string

// gather reads the codes of a source. Empty ones are left out; what is no code stays, to be rejected by its place.
func gather(ctx context.Context, from *kind.Values, env kind.Env) (codeList, error) {
	var list codeList
	err := from.Each(ctx, env, func(text string) error {
		code, err := creditCode(text)
		if err != nil && !errors.Is(err, uscc.CheckDigit) {
			code = uscc.Trim(strings.ToValidUTF8(text, "\uFFFD"))
			code = strings.ToValidUTF8(code[:min(len(code), longestCode)], "")
		}
		if code == "" {
			return nil
		}
		if list = append(list, strings.Clone(code)); len(list) > maxCodes {
			return feed.Errorf(feed.HaltJob, "codes", "%s: there are more than %d codes to ask for, one call each", env.Connection, maxCodes).
				WithRemedy(`read resource = "grades" instead, 1000 a call, or ask for fewer`)
		}
		return nil
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// place is a cursor: behind a code, or behind some of the records of the code that follows it.
type place struct {
	Code string `json:"code"`
	// Row is how many records of the code have been returned, 0 for all of them. Sum tells whether they are still the same.
	Row int    `json:"row,omitempty"`
	Sum string `json:"sum,omitempty"`
}

func (p place) cursor() feed.Cursor {
	if p == (place{}) {
		return ""
	}
	b, _ := json.Marshal(p) // texts and a number: cannot fail
	return feed.Cursor(b)
}

// What a place may be.
const (
	cursorsOfCodes = iota // behind a code
	cursorsInRows         // likewise, or within its records
	placesOfRows          // of one record
)

func (p place) is(form int) bool {
	if p.Code == "" || p.Row < 0 || len(p.Code) > longestCode {
		return false
	}
	switch form {
	case cursorsOfCodes:
		return p.Row == 0 && p.Sum == ""
	case cursorsInRows:
		return (p.Row > 0) == (p.Sum != "")
	}
	return p.Row == 0
}

// parsePlace reads a cursor, or the place of a record.
func parsePlace(label string, c feed.Cursor, form int) (p place, err error) {
	if c == "" {
		return p, nil
	}
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	err = d.Decode(&p)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	if err != nil || !p.is(form) {
		return place{}, feed.Errorf(feed.HaltJob, "cursor", `%s: cursor %q is none; a good one looks like {"code":"91140107MA0GT3RT7Y"}`, label, string(c)).
			WithRemedy("milkrun checkpoint reset begins at the first code")
	}
	return p, nil
}

// behind is the place in the list of the first code behind one.
func (l codeList) behind(code string) int {
	if code == "" {
		return 0
	}
	at, found := slices.BinarySearch(l, code)
	if found {
		at++
	}
	return at
}

// cursorAt is the cursor behind which the code at a place stands.
func (l codeList) cursorAt(n int) feed.Cursor {
	if n <= 0 || len(l) == 0 {
		return ""
	}
	return place{Code: l[min(n, len(l))-1]}.cursor()
}

// check returns why a code must not be asked for, with the digits setting; "" when it may.
func checkCode(code, digits string) (reason string) {
	err := uscc.Check(code)
	if err == nil || errors.Is(err, uscc.CheckDigit) && digits != digitsReject {
		return ""
	}
	return codeName + ": " + err.Error()
}

// found judges what an answer says of an enterprise that the platform does not know.
func unknownEnterprise(msg string) bool {
	msg = strings.ToLower(msg)
	return containsAny(msg, "不存在", "未找到", "未查询到", "未查到", "查无", "无此", "没有该", "not found") &&
		!containsAny(msg, "用户", "密码", "账号", "帐号", "权限", "鉴权", "accessid", "接口", "令牌", "token", "授权", "license")
}

func badLimit(label string, limit, most int) error {
	if limit >= 1 && limit <= most {
		return nil
	}
	return feed.Errorf(feed.Fail, "page_size", "%s: a page of %d is outside 1 … %d", label, limit, most).WithRemedy("set page_size to at most %d", most)
}
