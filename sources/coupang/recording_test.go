package coupang

import (
	"testing"

	"milkrun/sync/mask"
)

// TestPersonalInRecordings: what the documents call personal is hidden in a recording, also where no name tells so.
func TestPersonalInRecordings(t *testing.T) {
	none := func(string) (mask.Rule, bool) { return 0, false }
	for resource, fields := range map[string][]string{
		"orders":                {"parcelPrintMessage", "postCode", "personalCustomsClearanceCode", "ordererSsn", "safeNumber"},
		"returns":               {"reasonEtcDetail", "requesterZipCode"},
		"call-center-inquiries": {"content", "buyerPhone"},
	} {
		hidden := (&settings{resource: resource}).Personal(none)
		for _, name := range fields {
			if rule, ok := hidden[name]; !ok || rule.Apply("P123456789012") == "P123456789012" {
				t.Errorf("%s: %s is not hidden", resource, name)
			}
		}
		if _, ok := hidden["orderId"]; ok {
			t.Errorf("%s: the id of an order is hidden", resource)
		}
	}
}
