package caih

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"milkrun/sync/mask"
	"milkrun/sync/secret"
)

// people makes of numbers what may be kept of them.
type people struct{ key []byte }

// newPeople derives the key of the digests from the token, so that who has the state file alone can try no numbers.
func newPeople(token secret.Secret) people {
	mac := hmac.New(sha256.New, []byte(token.Reveal()))
	mac.Write([]byte("milkrun: numbers of the messages"))
	return people{mac.Sum(nil)}
}

// digest tells numbers apart and does not tell them.
func (p people) digest(phone string) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(phone))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// shown is a number for people: 138****8000.
func shown(phone string) string {
	rule, err := mask.Parse("phone")
	if err != nil {
		return "***"
	}
	return rule.Apply(phone)
}
