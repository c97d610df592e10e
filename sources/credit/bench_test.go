package credit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/sandbox"
	"milkrun/sync/uscc"
)

// fullPage is a page of 1,000 records as the platform writes it.
func fullPage(b *testing.B) string {
	b.Helper()
	body := strings.NewReader(`{"accessid":"sandbox-accessid","username":"sandbox","pwd":"sandbox-password","pageno":7,"pagesize":1000}`)
	req := httptest.NewRequest(http.MethodPost, "/credit/getEnterpriseGrades", body)
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	sandbox.NewCredit(sandbox.CreditOptions{}).ServeHTTP(rec, req)
	if n := rec.Body.Len(); n < 80_000 {
		b.Fatalf("a page of %d bytes: %.200s", n, rec.Body)
	}
	return rec.Body.String()
}

func perRow(b *testing.B, size int) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.Cleanup(func() { b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row") })
}

func BenchmarkDecode(b *testing.B) {
	page := []byte(fullPage(b))
	perRow(b, len(page))
	for b.Loop() {
		a, err := decode(page, window{0, 1000}, digitsWarn)
		if err != nil || len(a.values) != 3000 {
			b.Fatal(err, len(a.values))
		}
	}
}

// BenchmarkEncodingJSON is what one would write first: a struct, and the same checks and batch behind it.
func BenchmarkEncodingJSON(b *testing.B) {
	page := []byte(fullPage(b))
	perRow(b, len(page))
	for b.Loop() {
		var a struct {
			Msg    string
			Result int
			Data   struct {
				PageNo, Count, PageSize int64
				CompanyList             []struct{ UniscID, EnterpriseName, AssessGrade string }
			}
		}
		if err := json.Unmarshal(page, &a); err != nil {
			b.Fatal(err)
		}
		values := make([]feed.Value, 0, 3000)
		for _, c := range a.Data.CompanyList {
			if uscc.Check(c.UniscID) != nil {
				b.Fatal(c.UniscID)
			}
			values = append(values, c.UniscID, strings.TrimSpace(c.EnterpriseName), gradeOf(c.AssessGrade))
		}
		if len(values) != 3000 {
			b.Fatal(len(values))
		}
	}
}
