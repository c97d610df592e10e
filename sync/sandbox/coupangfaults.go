package sandbox

import (
	"net/http"
	"slices"
)

// coupangFault is an answer of the gateway instead of one of its provider, as FAQ and clients have it.
type coupangFault struct {
	kind   Kind
	status int
	body   string
}

// coupangFaults are the faults of Coupang alone.
func coupangFaults() []coupangFault {
	const gateway = `{"code":"ERROR","message":"`
	const id = `","transactionId":"00000000-0000-0000-0000-000000000001"}`
	return []coupangFault{
		{"coupang302", http.StatusFound, ""},
		{"coupang400", http.StatusBadRequest, `{"code":400,"message":"The maximum view duration is 7 days"}`},
		{"coupang-expired", http.StatusUnauthorized, gateway + "Specified signature is expired." + id},
		{"coupang-signature", http.StatusUnauthorized, gateway + "Invalid signature." + id},
		{"coupang-ip", http.StatusForbidden, "[FORBIDDEN] Not allowed IP."},
		{"coupang-blocked", http.StatusForbidden, "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>Reference&#32;&#35;18&#46;1</BODY></HTML>"},
		{"coupang403", http.StatusForbidden, gateway + "Forbidden" + id},
		{"coupang404", http.StatusNotFound, `{"code":"ERROR","message":"Not Found"}`},
		{"coupang410", http.StatusGone, ""},
		{"coupang423", http.StatusLocked, ""},
		{"coupang429", http.StatusTooManyRequests, `{"code":"TOO_MANY_REQUESTS","message":"Too Many Requests"}`},
		{"coupang500", http.StatusInternalServerError, `{"code":"INTERNAL_SERVER_ERROR","message":"Internal Exception"}`},
		{"coupang504", http.StatusGatewayTimeout, ""},
		{"coupang521", 521, ""},
		{"coupang-error", http.StatusOK, `{"code":"ERROR","message":"synthetic business failure"}`},
	}
}

func coupangKinds() []Kind {
	var all []Kind
	for _, f := range coupangFaults() {
		all = append(all, f.kind)
	}
	return all
}

// answerCoupang answers with a fault of Coupang, and says whether it is one.
func answerCoupang(w http.ResponseWriter, kind Kind) bool {
	list := coupangFaults()
	at := slices.IndexFunc(list, func(f coupangFault) bool { return f.kind == kind })
	if at < 0 {
		return false
	}
	f := list[at]
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if f.status == http.StatusFound {
		w.Header().Set("Location", "https://blocked.example.com/")
	}
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(f.body))
	return true
}
