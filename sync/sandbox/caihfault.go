package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const caihKind = "caih"

// caihKinds are the refusals of 东信, one for each code of its document, and one that it does not know: caih-1 … caih-13,
// caih-99. The call is not looked at. caih-2auth is the sample of the document: the code -2 with the text 鉴权失败.
func caihKinds() (list []Kind) {
	for _, code := range slices.Sorted(maps.Keys(caihTexts())) {
		if code != "0" {
			list = append(list, Kind(caihKind+code))
		}
	}
	return append(list, caihKind+"-99", caihKind+"-2auth")
}

// answerCaih answers with the code of a kind.
func answerCaih(w http.ResponseWriter, k Kind) {
	code := strings.TrimPrefix(string(k), caihKind)
	a := caihAnswer{Code: code, Msg: caihTexts()[code]}
	switch code {
	case "-99":
		a.Msg = "系统繁忙"
	case "-2auth":
		a.Code, a.Msg = "-2", "鉴权失败（账号或密码错误)"
	}
	text, err := json.Marshal(a)
	if err != nil {
		text = []byte(`{}`) // texts always marshal
	}
	writeJSON(w, http.StatusOK, text)
}
