package credit

import (
	"testing"

	"milkrun/sync/sandbox"
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

// TestWrongAnswersByCode: likewise for one enterprise, also where a token has to be fetched first.
func TestWrongAnswersByCode(t *testing.T) {
	for name, d := range dialects() {
		if d.envelope != nil || name == "body" {
			continue // a wrong answer is none of the platform's there, which TestClearAnswer looks at
		}
		t.Run(name, func(t *testing.T) {
			call := func(t testing.TB, url string) error {
				w := newWorld(t, d, sandbox.CreditOptions{Count: -1}, map[string]any{"url": url, "max_body": int64(answertest.MaxBody), "accessid": secret.New("id-s3cret")})
				_, err := w.open(t, nil, resEnterprise, []string{"91140107MA0GT3RT7Y"}, nil).Fetch(t.Context(), "", 2)
				return err
			}
			answertest.Run(t, answertest.Case{Call: call, Place: []string{"credit: get"}, Secrets: []string{password, "id-s3cret"}, Refusal: `{"result":0,"msg":"MESSAGE","data":null}`})
		})
	}
}
