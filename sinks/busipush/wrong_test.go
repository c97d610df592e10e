package busipush

import (
	"testing"

	"milkrun/sync/transport/answertest"
)

func TestWrongAnswers(t *testing.T) {
	call := func(t testing.TB, url string) error {
		c := testConnection(t, map[string]any{"url": url, "max_body": int64(answertest.MaxBody)})
		_, err := openOn(t, c, nil, nil).Deliver(t.Context(), batchOf(goodRow("1"), goodRow("2")))
		return err
	}
	answertest.Run(t, answertest.Case{Call: call, Place: []string{"jinlaiban: busipush of 2 records: "}, Secrets: []string{testApp, testModule, testSecret}, Refusal: `{"state":"300","msg":"MESSAGE"}`})
}
