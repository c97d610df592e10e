package exchange

import (
	"testing"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

func TestWrongAnswers(t *testing.T) {
	call := func(t testing.TB, url string) error {
		c := exchange.NewConnection()
		settingtest.Valid(t, c, map[string]any{"url": url, "max_body": int64(answertest.MaxBody), "hmac_key": secret.New("key-77"), "hmac_secret": secret.New("s3cret")})
		_, err := openOn(t, c, nil, nil, false).Deliver(t.Context(), users([]feed.Value{"1", "a", nil}, []feed.Value{"2", "b", nil}))
		return err
	}
	answertest.Run(t, answertest.Case{Call: call, Place: []string{"partner: push of 2 records to users: "}, Secrets: []string{"key-77", "s3cret"}, Refusal: `{"code":500,"message":"MESSAGE"}`})
}
