package coupang

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"milkrun/sync/mask"
)

// tidy brings a decoded answer to the form that becomes rows: names in their one spelling (C11), and personal fields as
// the job says, however deep they stand. What belongs to a bank account is gone whatever it says.
func (l *layout) tidy(v any) any { return l.under("", v) }

func (l *layout) under(name string, v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = l.under(name, v[i])
		}
	case object:
		respell(v)
		for key := range v {
			l.member(v, name, key)
		}
	}
	return v
}

func respell(o object) {
	for key, v := range o {
		right, wrong := spelling(key)
		if !wrong {
			continue
		}
		delete(o, key)
		if _, both := o[right]; !both {
			o[right] = v
		}
	}
}

func (l *layout) member(o object, parent, key string) {
	if strings.HasPrefix(strings.ToLower(key), "bank") {
		delete(o, key)
		return
	}
	v := o[key]
	rule, private := l.sensitive(parent, key)
	switch {
	case !private || l.personal == raw:
		o[key] = l.under(key, v)
	case l.personal == dropped:
		delete(o, key)
	case scalarValue(v):
		o[key] = veil(rule, textOf(v))
	default:
		o[key] = l.under(key, v)
	}
}

// veil masks a text. Coupang masks names itself, between the first character and the last (신*희): those are left as they are.
// Of nothing else does it say so: a star in an address is a part of it.
func veil(rule mask.Rule, v any) any {
	s, ok := v.(string)
	if !ok || rule == ruleOf("name") && veiled(s) {
		return v
	}
	return rule.Anew(s)
}

// veiled says whether a name is masked as Coupang does it.
func veiled(name string) bool {
	n := utf8.RuneCountInString(name)
	_, first := utf8.DecodeRuneInString(name)
	_, last := utf8.DecodeLastRuneInString(name)
	switch {
	case n == 2:
		return name[first:] == "*"
	case n > 2:
		return strings.Trim(name[first:len(name)-last], "*") == ""
	}
	return false
}

func scalarValue(v any) bool {
	switch v.(type) {
	case object, []any:
		return false
	}
	return true
}

// textOf is a scalar as text, nil for none: a number that is a phone number is masked as one.
func textOf(v any) any {
	if v == nil {
		return nil
	}
	s, _ := plain(v)
	return s
}

// spelling returns the name a misspelt field is known by here, which is the one most of the answers have.
func spelling(name string) (right string, wrong bool) {
	switch name {
	case "jejuFee":
		return "jeju", true
	case "notJejuFee":
		return "notJeju", true
	case "orderersSsn":
		return "ordererSsn", true
	case "moodifiedAt":
		return "modifiedAt", true
	case "couapngDiscountCoupon":
		return "coupangDiscountCoupon", true
	case "inTransitDateTime":
		return "inTrasitDateTime", true
	case "unitSalesPrice":
		return "salesPrice", true
	}
	return "", false
}

// sensitive says whether a field is personal, and how it is masked. A name nobody has listed counts as personal when it
// sounds so: what Coupang adds next year must not leak.
func (l *layout) sensitive(parent, name string) (mask.Rule, bool) {
	if f, listed := l.known[name]; listed {
		return f.rule, f.personal && f.form != structure
	}
	switch {
	case slices.Contains(freeText(), name), parent == "replies" && name == "content", parent == "commentDtoList" && name == "content":
		return ruleOf("text"), true
	case name == "companyContactNumber":
		return ruleOf("phone"), true
	case slices.Contains(harmless(), name):
		return 0, false
	}
	return l.guessed.of(name)
}

// guesses remembers what [mask.Guess] says of names: guessing takes longer than all else that is done with a field.
type guesses struct {
	mu   sync.Mutex
	said map[string]guess
}

type guess struct {
	rule     mask.Rule
	personal bool
}

const mostGuesses = 1000 // a record may bring any name

func (g *guesses) of(name string) (mask.Rule, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	said, known := g.said[name]
	if !known {
		said.rule, said.personal = mask.Guess(name)
		if g.said == nil {
			g.said = map[string]guess{}
		}
		if len(g.said) < mostGuesses {
			g.said[name] = said
		}
	}
	return said.rule, said.personal
}

// harmless are names that sound personal and are not: of things, and of lists whose own fields are looked at.
func harmless() []string {
	return []string{"name", "orderer", "receiver", "noticeCategoryDetailName", "addressType", "exchangeAddressId", "firstSellerProductItemName"}
}

// freeText are fields in which people write what they like, and parts of addresses and identities that no rule fits.
func freeText() []string {
	return []string{"parcelPrintMessage", "postCode", "addr2", "returnZipCode", "returnAddressDetail", "returnMemo", "deliveryMemo",
		"returnAddressZipCode", "deliveryAddressZipCode", "deliveryAddressDetail", "requesterZipCode", "requesterAddressDetail", "cancelReason",
		"reasonEtcDetail", "personalCustomsClearanceCode", "ordererSsn", "cancelCompleteUser", "vendorUserId", "createdBy", "modifiedBy",
		"lastModifierId", "replyBy", "memo", "receptionistName", "inquiryCommentBy"}
}
