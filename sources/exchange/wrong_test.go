package exchange

import (
	"testing"

	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

func TestWrongAnswers(t *testing.T) {
	call := func(t testing.TB, url string) error {
		c := connection(t)
		settingtest.Fill(t, c, map[string]any{"url": url, "max_body": int64(answertest.MaxBody)})
		s := openOn(t, c, nil, nil)
		_, err := s.Fetch(t.Context(), `{"page":1,"size":2}`, 2)
		return err
	}
	answertest.Run(t, answertest.Case{Call: call, Place: []string{"partner: users page 2: "}, Secrets: []string{"sandbox-token"}, Refusal: `{"code":400,"message":"MESSAGE"}`})
}
