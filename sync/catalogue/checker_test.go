package catalogue

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// field makes a field as a file would.
func field(t testing.TB, name string, keys map[string]any) *Field {
	t.Helper()
	f := NewField(name)
	for _, s := range f.Fields() {
		if v, ok := keys[s.Name]; ok {
			if err := s.Set(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p := f.Validate(); len(p) > 0 {
		t.Fatalf("%s: %v", name, p)
	}
	return f
}

// interfaceOf is an interface of one version.
func interfaceOf(fields ...*Field) *Interface {
	i := New("orders")
	v := NewVersion(1)
	v.Fields = fields
	i.Versions = []*Version{v}
	return i
}

func masks(t testing.TB, names map[string]string) map[string]mask.Rule {
	t.Helper()
	out := map[string]mask.Rule{}
	for column, name := range names {
		rule, err := mask.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		out[column] = rule
	}
	return out
}

// one checks a record of one column, and returns its code and reason, both "" when it is good.
func one(t testing.TB, f *Field, outgoing bool, m map[string]string, v feed.Value) (code, reason string) {
	t.Helper()
	c := Use{Interface: interfaceOf(f), Outgoing: outgoing}.Checker(noon, masks(t, m), time.UTC)
	refused, err := c.Check(feed.Batch{Columns: feed.NewColumns(feed.Column{Name: f.Name}), Values: []feed.Value{v}})
	if err != nil {
		return "error", err.Error()
	}
	if len(refused) == 0 {
		return "", ""
	}
	return refused[0].Code, refused[0].Reason
}

type keys = map[string]any

func TestRules(t *testing.T) {
	text, integer, decimals := keys{"type": "text"}, keys{"type": "integer"}, keys{"type": "decimal"}
	for _, c := range []struct {
		name string
		keys keys
		good []feed.Value
		bad  map[string][]feed.Value // by rule
	}{
		{"required", keys{"type": "any", "required": true}, []feed.Value{"x", int64(0), false, noon, 0.0},
			map[string][]feed.Value{"required": {nil, "", "  \t", []byte{}}}},
		{"optional", keys{"type": "text", "pattern": "[0-9]+"}, []feed.Value{nil, "", " ", "12"}, map[string][]feed.Value{"pattern": {"1a", "1\n", "a1"}}},
		{"text", text, []feed.Value{"x", []byte("x"), "订单"}, map[string][]feed.Value{"type": {int64(1), 1.5, true, noon, "\xff"}}},
		{"length", keys{"min_length": int64(2), "max_length": int64(4)}, []feed.Value{"订单", "abcd", "订单编号"},
			map[string][]feed.Value{"min_length": {"订"}, "max_length": {"abcde", "订单编号一"}}},
		{"enum", keys{"enum": []any{"已支付", "已发货", "已完成"}}, []feed.Value{"已支付", "已完成"}, map[string][]feed.Value{"enum": {"paid", "已支付 "}}},
		{"alternatives", keys{"pattern": "SO|PO[0-9]"}, []feed.Value{"SO", "PO1"}, map[string][]feed.Value{"pattern": {"SO1", "xSO", "PO"}}},
		{"integer", integer, []feed.Value{int64(-3), "12", "+7", 4.0, []byte("5"), "007"},
			map[string][]feed.Value{"type": {"1.5", 1.5, "1e3", "x", " 1", true, noon, math.NaN(), math.Inf(1), "-", "."}}},
		{"range", keys{"type": "integer", "min": "1", "max": "99"}, []feed.Value{int64(1), int64(99), "50"},
			map[string][]feed.Value{"min": {int64(0), int64(math.MinInt64), "-5"}, "max": {int64(100), int64(math.MaxInt64), "100"}}},
		{"decimal", decimals, []feed.Value{"0.10", "-12", int64(5), 2.5, "00.5"}, map[string][]feed.Value{"type": {"1,000", "0.", ".5", "1e2", "٣", false}}},
		{"amount", keys{"type": "decimal", "min": "0.01", "max": "99999999999999999999.99"},
			[]feed.Value{"0.01", "0.010", "99999999999999999999.99", int64(7), 0.5},
			map[string][]feed.Value{"min": {"0.00999999999999999999", "0", "-1", int64(0)}, "max": {"99999999999999999999.991", "100000000000000000000"}}},
		{"number of a few", keys{"type": "integer", "enum": []any{"0", "1"}}, []feed.Value{int64(0), "1"}, map[string][]feed.Value{"enum": {int64(2), "3"}}},
		{"boolean", keys{"type": "boolean"}, []feed.Value{true, false, int64(0), int64(1), "true", "false"},
			map[string][]feed.Value{"type": {int64(2), "yes", "TRUE", 1.0, noon}}},
		{"time", keys{"type": "time"}, []feed.Value{noon, "2026-11-22 12:00:00"},
			map[string][]feed.Value{"pattern": {"2026-11-22", "2026-13-01 00:00:00", "2026-02-30 00:00:00", "2026112212:00:00"}, "type": {int64(1), true}}},
		{"date", keys{"type": "date"}, []feed.Value{noon, "2026-02-28"}, map[string][]feed.Value{"pattern": {"2026-02-29", "2026/02/28", "2026-11-22 12:00:00"}}},
		{"own layout", keys{"type": "time", "date_format": "yyyyMMddHH:mm:ss"}, []feed.Value{"2026112212:00:00"},
			map[string][]feed.Value{"pattern": {"2026-11-22 12:00:00"}}},
		{"any", keys{"type": "any"}, []feed.Value{nil, "x", int64(1), noon, true, []byte("x")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := field(t, "f", c.keys)
			for _, v := range c.good {
				if code, reason := one(t, f, false, nil, v); code != "" {
					t.Errorf("%#v is refused: %s: %s", v, code, reason)
				}
			}
			for rule, values := range c.bad {
				for _, v := range values {
					if code, reason := one(t, f, false, nil, v); code != "check:f:"+rule || !strings.HasPrefix(reason, "orders@1: f ") {
						t.Errorf("%#v: code %q, reason %q, want rule %s", v, code, reason, rule)
					}
				}
			}
		})
	}
}

// TestPersonal goes through what may be exchanged how, in both directions.
func TestPersonal(t *testing.T) {
	phone := func(allowed string, required bool) *Field {
		return field(t, "phone", keys{"pattern": "1[0-9]{10}", "personal": "phone", "allowed": allowed, "required": required})
	}
	masked := map[string]string{"phone": "phone"}
	for _, c := range []struct {
		name     string
		field    *Field
		outgoing bool
		masks    map[string]string
		value    feed.Value
		want     string
	}{
		{"raw leaves raw", phone(Raw, true), true, nil, "13912345678", ""},
		{"raw comes raw", phone(Raw, true), false, nil, "13912345678", ""},
		{"raw is held against its form", phone(Raw, true), true, nil, "139****5678", "check:phone:pattern"},
		{"masked leaves masked", phone(Masked, true), true, masked, "13912345678", ""},
		{"what is masked is checked before", phone(Masked, true), true, masked, "1391234567", "check:phone:pattern"},
		{"masked already", phone(Masked, true), true, masked, "139****5678", ""},
		{"masked already, wide stars", phone(Masked, true), true, masked, "139＊＊＊＊5678", ""},
		{"missing all the same", phone(Masked, true), true, masked, nil, "check:phone:required"},
		{"not masked by the job", phone(Masked, true), true, nil, "13912345678", "error"},
		{"a rule that leaves it", field(t, "phone", keys{"personal": "other"}), true, map[string]string{"phone": "uscc"}, "91110000600037341L", "check:phone:masked"},
		{"a rule that hides it after all", phone(Masked, true), true, map[string]string{"phone": "uscc"}, "13912345678", ""},
		{"comes masked", phone(Masked, true), false, nil, "139****5678", ""},
		{"comes raw and must not", phone(Masked, true), false, masked, "13912345678", "check:phone:masked"},
		{"never leaves: dropped", phone(Never, false), true, map[string]string{"phone": "drop"}, "13912345678", ""},
		{"never leaves: not dropped", phone(Never, false), true, nil, "13912345678", "error"},
		{"never leaves: only masked", phone(Never, false), true, masked, "13912345678", "error"},
		{"never comes", phone(Never, false), false, nil, "13912345678", "check:phone:never"},
		{"never comes: nothing did", phone(Never, false), false, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, reason := one(t, c.field, c.outgoing, c.masks, c.value)
			if code != c.want {
				t.Errorf("code %q (%s), want %q", code, reason, c.want)
			}
			if v, ok := c.value.(string); ok && strings.Contains(reason, v) {
				t.Errorf("the value is in the reason: %s", reason)
			}
		})
	}
}

// TestEveryMaskLeavesAStar is what lets the checker leave values alone that are masked by any rule but the sparing one.
func TestEveryMaskLeavesAStar(t *testing.T) {
	values := []feed.Value{"a", "段", "段正淳", "13912345678", "02088886666", "110101199003077774", "6222600260001072444", "北京市海淀区中关村大街1号院2号楼303",
		"a@b.cn", "someone@example.com", "192.168.1.1", "京A88888", "91110000600037341L", "\xff\xfe", int64(13912345678), 1.5, true, noon, []byte("x"), "no address", "😀"}
	for _, name := range mask.Names() {
		rule, err := mask.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if out := mask.Value(rule, v); name != sparing && !blank(out) && !starred(out) {
				t.Errorf("%s makes %v of %v: no star", name, out, v)
			}
		}
	}
}

func FuzzEveryMaskLeavesAStar(f *testing.F) {
	f.Add("13912345678")
	f.Add("a@b.cn")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range mask.Names() {
			rule, _ := mask.Parse(name)
			if out := mask.Value(rule, text); name != sparing && !blank(text) && !blank(out) && !starred(out) {
				t.Errorf("%s makes %q of %q: no star", name, out, text)
			}
		}
	})
}

func TestReasonsTellAllThatIsWrong(t *testing.T) {
	i := interfaceOf(field(t, "sku", keys{"required": true, "max_length": int64(3)}), field(t, "qty", keys{"type": "integer", "min": "1"}),
		field(t, "contact", keys{"pattern": "[a-z]+", "personal": "name", "allowed": Raw}), field(t, "user_phone", keys{"max_length": int64(3)}))
	c := Use{Interface: i}.Checker(noon, nil, time.UTC)
	columns := feed.TextColumns("sku", "qty", "contact", "user_phone")
	refused, err := c.Check(feed.Batch{Columns: columns, Values: []feed.Value{
		"a", int64(1), "x", "1",
		"abcd", int64(0), "Wang 13912345678", "13912345678",
		"b", int64(2), nil, nil,
		nil, nil, nil, nil,
	}})
	if err != nil || len(refused) != 2 || refused[0].Row != 1 || refused[1].Row != 3 {
		t.Fatalf("%v, %v", refused, err)
	}
	want := `orders@1: sku is longer than 3 characters, it is "abcd"; qty is below 1, it is "0"; ` +
		`contact does not have the form [a-z]+; user_phone is longer than 3 characters`
	if refused[0].Reason != want || refused[0].Code != "check:sku:max_length" {
		t.Errorf("%s\n%s, want\n%s", refused[0].Code, refused[0].Reason, want)
	}
	version, text := SplitReason(refused[1].Reason)
	field, rule, ok := ParseCode(refused[1].Code)
	if version != "orders@1" || text != "sku is missing" || field != "sku" || rule != "required" || !ok {
		t.Errorf("%q %q %q %q", version, text, field, rule)
	}
}

func TestSplitsAreForOwnTextsOnly(t *testing.T) {
	for _, reason := range []string{"the partner: no", "a@b: x", "@1: x", "orders@1"} {
		if version, text := SplitReason(reason); version != "" || text != reason {
			t.Errorf("%q is split into %q and %q", reason, version, text)
		}
	}
	for _, code := range []string{"uscc", "check:", "check:x", "300"} {
		if _, _, ok := ParseCode(code); ok {
			t.Errorf("%q is taken for a code of a check", code)
		}
	}
	if field, rule, ok := ParseCode(Code("a:b", "min")); field != "a:b" || rule != "min" || !ok {
		t.Errorf("%q %q", field, rule)
	}
}

func TestWhitelist(t *testing.T) {
	i := interfaceOf(field(t, "id", keys{}))
	columns := feed.TextColumns("id", "nick")
	b := feed.Batch{Columns: columns, Values: []feed.Value{"1", "x"}}
	open := Use{Interface: i}.Checker(noon, nil, time.UTC)
	if refused, err := open.Check(b); err != nil || len(refused) > 0 || fmt.Sprint(open.Unlisted(columns)) != "[nick]" {
		t.Errorf("%v %v %v", refused, err, open.Unlisted(columns))
	}
	i.UserData = true
	_, err := Use{Interface: i}.Checker(noon, nil, time.UTC).Check(b)
	if err == nil || feed.Judge(err).Verdict != feed.HaltJob || !strings.Contains(err.Error(), "[nick]") || feed.Judge(err).Remedy == "" {
		t.Errorf("an unlisted column of user data passes: %v", err)
	}
}

// TestVersions goes through a migration: version 2 takes effect while version 1 goes on for a while.
func TestVersions(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	i := interfaceOf(field(t, "status", keys{"enum": []any{"paid"}}))
	i.Versions[0].To = day(10)
	two := NewVersion(2)
	two.From, two.To, two.Fields = day(5), day(20), []*Field{field(t, "status", keys{"enum": []any{"PAID"}})}
	i.Versions = append(i.Versions, two)
	columns := feed.TextColumns("status")
	check := func(use Use, at time.Time, status string) string {
		refused, err := use.Checker(at, nil, time.UTC).Check(feed.Batch{Columns: columns, Values: []feed.Value{status}})
		switch {
		case err != nil:
			return "error"
		case len(refused) > 0:
			version, _ := SplitReason(refused[0].Reason)
			return version
		}
		return ""
	}
	for _, c := range []struct {
		day        int
		old, fresh string // what refuses a record of the old and of the new form
	}{{0, "", "orders@1"}, {5, "", ""}, {9, "", ""}, {10, "orders@2", ""}, {20, "error", "error"}} {
		use := Use{Interface: i}
		if got := check(use, day(c.day), "paid"); got != c.old {
			t.Errorf("day %d, old form: refused by %q, want %q", c.day, got, c.old)
		}
		if got := check(use, day(c.day), "PAID"); got != c.fresh {
			t.Errorf("day %d, new form: refused by %q, want %q", c.day, got, c.fresh)
		}
	}
	if got := check(Use{Interface: i}, day(6), "Paid"); got != "orders@2" {
		t.Errorf("what neither allows is refused by %q", got)
	}
	if got := check(Use{Interface: i, Pinned: 1}, day(15), "paid"); got != "" {
		t.Errorf("a pinned version is held to its dates: %q", got)
	}
	if list := i.Coming(day(0)); len(list) != 1 || list[0] != two || len(i.Coming(day(5))) != 0 {
		t.Errorf("coming: %v", list)
	}
}

// TestMigrationOfColumns: the new version does not allow the columns yet, the old one does.
func TestMigrationOfColumns(t *testing.T) {
	i := interfaceOf(field(t, "id", keys{}), field(t, "nick", keys{}))
	two := NewVersion(2)
	two.Fields = []*Field{field(t, "id", keys{})}
	i.Versions, i.UserData = append(i.Versions, two), true
	refused, err := Use{Interface: i}.Checker(noon, nil, time.UTC).Check(feed.Batch{Columns: feed.TextColumns("id", "nick"), Values: []feed.Value{"1", "x"}})
	if err != nil || len(refused) > 0 {
		t.Errorf("%v, %v", refused, err)
	}
}

func TestInstant(t *testing.T) {
	i := interfaceOf(field(t, "at", keys{"type": "time"}), field(t, "ms", keys{"type": "integer"}))
	columns := feed.NewColumns(feed.Column{Name: "at"}, feed.Column{Name: "ms"})
	for _, c := range []struct {
		field string
		row   []feed.Value
		want  time.Time
	}{
		{"at", []feed.Value{noon, nil}, noon},
		{"at", []feed.Value{"2026-11-22 12:00:00", nil}, noon.Add(-8 * time.Hour)},
		{"at", []feed.Value{"soon", nil}, time.Time{}},
		{"at", []feed.Value{nil, nil}, time.Time{}},
		{"ms", []feed.Value{nil, noon.Unix()}, noon},
		{"ms", []feed.Value{nil, noon.UnixMilli()}, noon},
		{"", []feed.Value{noon, nil}, time.Time{}},
	} {
		i.Time = c.field
		checker := Use{Interface: i}.Checker(noon, nil, time.FixedZone("", 8*3600))
		if got := checker.Instant(feed.Batch{Columns: columns, Values: c.row}, 0); !got.Equal(c.want) {
			t.Errorf("%s of %v is %v, want %v", c.field, c.row, got, c.want)
		}
	}
}

func TestUse(t *testing.T) {
	for text, want := range map[string]string{"orders": "orders 0", "orders@2": "orders 2"} {
		name, version, err := ParseUse(text)
		if got := fmt.Sprint(name, " ", version); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"orders@", "orders@0", "orders@-1", "orders@v2", "orders@1@2"} {
		if _, _, err := ParseUse(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	if (Use{}).Checker(noon, nil, time.UTC) != nil || (Use{}).String() != "" {
		t.Error("no interface checks")
	}
}
