package credit

import (
	"testing"

	"milkrun/sync/secret"
	"milkrun/sync/transport/answertest"
)

func TestWrongAnswers(t *testing.T) {
	call := func(t testing.TB, url string) error {
		s := open(t, nil, map[string]any{"url": url, "max_body": int64(answertest.MaxBody), "accessid": secret.New("id-s3cret")})
		_, err := s.Fetch(t.Context(), `{"page":1,"size":2}`, 2)
		return err
	}
	answertest.Run(t, answertest.Case{Call: call, Place: []string{"shanxi: getEnterpriseGrades page 2: "}, Secrets: []string{password, "id-s3cret"}, Refusal: `{"result":0,"msg":"MESSAGE","data":null}`})
}
