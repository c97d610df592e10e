package caih

import (
	"errors"
	"strings"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// discreet cuts the values of the variables out of what an error quotes behind the uid: the partner, or a gateway before it,
// may repeat the call in its answer, and no pattern tells that a value is a name. Numbers are masked already.
func discreet(err error, id string, list []group) error {
	e, ok := errors.AsType[*feed.Error](err)
	if !ok {
		return err
	}
	head, quoted, _ := strings.Cut(e.Error(), id)
	clean := quoted
	for _, g := range list {
		for _, v := range g.values {
			if telling(v) {
				clean = strings.ReplaceAll(clean, v, "[…]")
			}
		}
	}
	if clean == quoted {
		return err
	}
	hidden := *e
	hidden.Err = errors.New(head + id + clean)
	return &hidden
}

// telling says that a value may be personal: not one character, nor a small count.
func telling(value string) bool {
	n := utf8.RuneCountInString(value)
	return n > 1 && (n > 3 || strings.Trim(value, "0123456789") != "")
}
