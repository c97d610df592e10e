package catalogue

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
)

var update = flag.Bool("update", false, "write the expected descriptions")

// orders is an interface with something of everything.
func orders(t testing.TB) *Interface {
	i := interfaceOf(
		field(t, "order_no", keys{"required": true, "pattern": "SO[0-9]{8,20}", "max_length": int64(22), "title": "order number", "zh": "订单号"}),
		field(t, "user_name", keys{"required": true, "personal": "name", "allowed": Raw, "max_length": int64(20), "zh": "用户姓名"}),
		field(t, "user_phone", keys{"required": true, "personal": "phone", "pattern": "1[0-9]{10}", "zh": "联系方式"}),
		field(t, "id_card", keys{"personal": "id_card", "allowed": Never, "zh": "身份证号"}),
		field(t, "login_ip", keys{"personal": "ip"}),
		field(t, "secret", keys{"personal": "other"}),
		field(t, "quantity", keys{"type": "integer", "required": true, "min": "1", "max": "1000"}),
		field(t, "price", keys{"type": "decimal", "min": "0.01", "max": "99999.99"}),
		field(t, "status", keys{"required": true, "enum": []any{"已支付", "已发货", "已完成"}, "zh": "订单状态"}),
		field(t, "kind", keys{"type": "integer", "enum": []any{"10", "20"}}),
		field(t, "gift", keys{"type": "boolean"}),
		field(t, "code", keys{"min_length": int64(4), "pattern": `[a-z|]+\.?`}),
		field(t, "updated_at", keys{"type": "time", "required": true}),
		field(t, "day", keys{"type": "date"}),
		field(t, "note", keys{"type": "any"}),
	)
	i.Title, i.Zh, i.Purpose, i.Key, i.Time = "Orders", "订单数据", "发货与售后", []string{"order_no"}, "updated_at"
	i.Within, i.Every, i.DoneBy = 10*time.Minute, 24*time.Hour, "06:00"
	i.Versions[0].From = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return i
}

func TestDescribe(t *testing.T) {
	i := orders(t)
	for lang, chinese := range map[string]bool{"en": false, "zh": true} {
		var b strings.Builder
		if err := i.Describe(&b, 0, chinese); err != nil {
			t.Fatal(err)
		}
		golden := "testdata/orders." + lang + ".md"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: got\n%s", lang, b.String())
		}
	}
}

func TestDescribeOneVersion(t *testing.T) {
	i := orders(t)
	two := NewVersion(2)
	two.Fields = []*Field{field(t, "a", keys{})}
	i.Versions = append(i.Versions, two)
	var b strings.Builder
	if err := i.Describe(&b, 2, false); err != nil || strings.Contains(b.String(), "## Version 1") || !strings.Contains(b.String(), "## Version 2") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestCases holds the test cases against a checker: it must say of each what they say.
func TestCases(t *testing.T) {
	i := orders(t)
	v := i.Versions[0]
	good, bad := v.Cases()
	var names []string
	for _, f := range v.Fields {
		names = append(names, f.Name)
	}
	columns := feed.TextColumns(names...)
	check := func(record map[string]feed.Value) string {
		b := feed.Batch{Columns: columns}
		for _, name := range names {
			b.Values = append(b.Values, record[name])
		}
		refused, err := Use{Interface: i}.Checker(noon, nil, time.UTC).Check(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(refused) == 0 {
			return ""
		}
		return refused[0].Code
	}
	if got := check(good); got != "" {
		t.Errorf("the good record is refused: %s\n%v", got, good)
	}
	rules := map[string]bool{}
	for _, c := range bad {
		record := map[string]feed.Value{}
		for name, v := range good {
			record[name] = v
		}
		record[c.Field] = c.Value
		if got := check(record); got != c.Code {
			t.Errorf("%s = %v: refused by %q, not %q", c.Field, c.Value, got, c.Code)
		}
		_, rule, _ := ParseCode(c.Code)
		rules[rule] = true
	}
	for b := missing; b <= forbidden; b++ {
		if !rules[b.String()] {
			t.Errorf("no case for the rule %s", b)
		}
	}
	again, badAgain := v.Cases()
	if text(again) != text(good) || text(badAgain) != text(bad) {
		t.Error("the cases are others each time")
	}
}

// FuzzMatching: a text made for a pattern is only used when it matches, and making it ends.
func FuzzMatching(f *testing.F) {
	f.Add("SO[0-9]{8,20}", 3)
	f.Add("(a|b)*c+?[^x]", 1)
	f.Add("((((x*)*)*)*)*", 64)
	f.Fuzz(func(t *testing.T, pattern string, more int) {
		fl := NewField("f")
		if fl.setPattern(pattern) != nil {
			return
		}
		matching(pattern, more%65)
		r := newRule(fl, NewVersion(1), time.UTC)
		if v, ok := r.good(); ok && v != nil && r.check(v) != kept {
			t.Errorf("%q does not match %s", v, pattern)
		}
	})
}
