package main

import (
	"testing"
	"time"

	"milkrun/state"
)

// TestReasonsInChinese: what we say of a record is Chinese in the rejection report, what a partner says stays as it was, in quotes.
func TestReasonsInChinese(t *testing.T) {
	for reason, want := range map[string]string{
		"user_id is a key and missing":                         "user_id 是键却缺失",
		"price is not a finite number":                         "price 不是有限的数",
		"the column price is not a number":                     "列 price 不是数字",
		`the partner says: "price must be > 0"`:                `对方答复："price must be > 0"`,
		"the partner gives no reason":                          "对方未说明原因",
		`jinlaiban: 晋来办 refused the batch with 300: "no item"`: `jinlaiban：晋来办以 300 拒绝该批次："no item"`,
	} {
		code := "partner"
		switch reason[0] {
		case 'u':
			code = "user_id"
		case 'p':
			code = "price"
		}
		if v := viewRejection(state.Letter{Code: code, Reason: reason}, nil, time.UTC); v.Zh != want || v.Reason != reason {
			t.Errorf("%q is %q, want %q", reason, v.Zh, want)
		}
	}
}
