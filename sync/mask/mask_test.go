package mask_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"milkrun/sync/mask"
)

func rule(t testing.TB, name string) mask.Rule {
	t.Helper()
	r, err := mask.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// vectors are golden values of independent implementations.
type vectors struct {
	Hutool []struct{ Type, In, Out string }  `json:"hutool"`
	Unsafe []struct{ Type, In, Ours string } `json:"hutool_unsafe_edges"`
	Jin    struct{ In, Out string }          `json:"jinlaiban_phone"`
	Alipay []struct{ Type, In, Out string }  `json:"alipay"`
	Style  []struct{ Type, Out string }      `json:"coupang_style"`
}

func TestGoldenVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/masking.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	check := func(ruleName, in, out string) {
		t.Helper()
		if got := rule(t, ruleName).Apply(in); got != out {
			t.Errorf("%s(%q) = %q, want %q", ruleName, in, got, out)
		}
	}
	ours := map[string]string{"mobile": "phone", "fixed_phone": "landline", "address_8": "address", "car_license": "plate"}
	translate := func(kind string) string {
		if n, ok := ours[kind]; ok {
			return n
		}
		return kind
	}
	for _, c := range v.Hutool {
		check(translate(c.Type), c.In, c.Out)
	}
	for _, c := range v.Unsafe {
		check(c.Type, c.In, c.Ours)
	}
	check("phone_jinlaiban", v.Jin.In, v.Jin.Out)
	for _, c := range v.Alipay {
		check(strings.Replace(c.Type, "mobile", "phone", 1)+"_alipay", c.In, c.Out)
	}
	for _, c := range v.Style { // samples that are masked already
		check("name_middle", c.Out, c.Out)
		check("phone", c.Out, c.Out)
	}
	if n := len(v.Hutool) + len(v.Unsafe) + len(v.Alipay) + len(v.Style); n != 16 {
		t.Errorf("%d vectors read, want 16", n)
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct{ rule, in, want string }{
		{"phone", "137****5381", "137****5381"},
		{"phone", "1371234538", "**********"},
		{"phone", "110", "***"},
		{"phone", "+8613712345381", "+86*******5381"},
		{"phone", "137-1234-5381", "137******5381"},
		{"phone", "１３７１２３４５３８１", "１３７****５３８１"},
		{"phone", "\xff3712345381", "***********"},
		{"phone", "137*\xff", "*****"},
		{"phone", "13712345381*", "137****5381*"}, // a star beside a clear number does not make it masked
		{"phone", "137＊＊＊＊5381", "137＊＊＊＊5381"},
		{"name", "张＊", "张＊"},
		{"name", "*三", "*三"},
		{"name", "买买提·吐尔逊", "买******"},
		{"name", "John Smith", "J*********"},
		{"email", "a*b@x.com", "a*b@x.com"}, // as it may be that of three letters, masked
		{"email", "a***b@x.com 13712345381", "a***b@x.com 137****5381"},
		{"id_card", "11010119900307****", "11010119900307****"},
		{"address", "山西省太原市*******", "山西省太原市*******"},
		{"bank_card", "6222 **** **** 1234", "6222 **** **** 1234"},
		{"password", "pa＊ss", "*****"},
		{"landline", "7518479", "*******"},
		{"id_card", "310101199001011233", "3***************33"},
		{"id_card", "E123456", "*******"},
		{"name", "张三", "张*"},
		{"name", "张", "*"},
		{"name", "欧阳娜娜", "欧***"},
		{"name", "𠮷野家", "𠮷**"},
		{"name", "\xd5\xc5\xc8\xfd", "****"}, // GBK
		{"name_middle", "신세희", "신*희"},
		{"name_middle", "신희", "신*"},
		{"name_middle", "희", "*"},
		{"bank_card", "123456789", "1234 **** 9"},
		{"bank_card", "6222 0212-3456 7890 123", "6222 **** **** **** 123"},
		{"bank_card", "我的卡号是6222021234567890", "*********************"},
		{"bank_card_alipay", "6225 7512 3456 1496", "622575******1496"},
		{"bank_card_alipay", "6225751234567", "*************"},
		{"address", "太原市小店区平阳路", "太********"},
		{"address", "平阳路一百零三号", "********"},
		{"address", "13712345381 太原市小店区平阳路1号", "137****5381 太原市********"},
		{"email", "@x.com", "******"},
		{"email", "nobody", "******"},
		{"email", "张三@例子.com", "张*@例子.com"},
		{"email", "a@b@x.com", "a**@x.com"},
		{"email", "ab@x.com 13712345381", strings.Repeat("*", 20)},
		{"email", "Zhang <ab@x.com>", strings.Repeat("*", 16)},
		{"uscc", "91140100MA0K12345Y", "91140100MA0K12345Y"},
		{"uscc", "92140100MA0K12345U", "92140100********5U"},
		{"uscc", "92140100ma0k12345u", "92140100********5u"},
		{"uscc", "110101199003078005", "******************"},
		{"uscc", "13712345381", "***********"},
		{"password", "pa*ss", "*****"},
		{"password", "密码", "**"},
		{"ipv4", "10.0.0.256", "**********"},
		{"ipv4", "10.0.0.1:80", "***********"},
		{"ipv4", "::1", "***"},
		{"plate", "晋A12345D", "晋A1****D"},
		{"plate", "晋A1234", "******"},
		{"drop", "anything", ""},
	} {
		if got := rule(t, c.rule).Apply(c.in); got != c.want {
			t.Errorf("%s(%q) = %q, want %q", c.rule, c.in, got, c.want)
		}
	}
}

func TestEveryRuleKeepsEmptyText(t *testing.T) {
	for _, n := range mask.Names() {
		if got := rule(t, n).Apply(""); got != "" {
			t.Errorf("%s: %q", n, got)
		}
	}
}

func TestValue(t *testing.T) {
	type text string
	for _, c := range []struct {
		rule    string
		in, out any
	}{
		{"phone", nil, nil},
		{"phone", int64(13712345381), "137****5381"},
		{"phone", uint32(110), "***"},
		{"phone", 13712345381.0, "137****5381"},
		{"phone", json.Number("13712345381"), "137****5381"},
		{"name", text("段正淳"), "段**"},
		{"name", []byte("段正淳"), "段**"},
		{"name", time.Date(1990, 3, 7, 0, 0, 0, 0, time.UTC), "1990-**-**"},
		{"password", time.Date(1990, 3, 7, 0, 0, 0, 0, time.UTC), "**********"},
		{"name", true, "****"},
		{"address", map[string]any{"street": "平阳路", "city": "太原"}, "****"},
		{"drop", "x", nil},
		{"drop", nil, nil},
	} {
		if got := mask.Value(rule(t, c.rule), c.in); !reflect.DeepEqual(got, c.out) {
			t.Errorf("Value(%s, %v) = %v, want %v", c.rule, c.in, got, c.out)
		}
	}
}

func TestParse(t *testing.T) {
	for _, n := range mask.Names() {
		if got := rule(t, n).String(); got != n {
			t.Errorf("%s is called %s", n, got)
		}
	}
	for in, hint := range map[string]string{
		"phon": `"phone"`, "mobile": `"phone"`, "id-card": `"id_card"`, "bank_crad": `"bank_card"`, "手机号": `"phone"`,
		"": "ipv4, plate", "quux": "ipv4, plate",
	} {
		if _, err := mask.Parse(in); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("Parse(%q): %v, want one that names %s", in, err, hint)
		}
	}
}

func TestUnknownRuleNumberMasksFully(t *testing.T) {
	if got := mask.Rule(200).Apply("段正淳"); got != "***" {
		t.Error(got)
	}
}

// Any rule, any text: the output is valid, gives itself back, and a phone rule never shows the middle of a phone.
func FuzzApply(f *testing.F) {
	for _, s := range []string{"13712345381", "段正淳", "a@x.com", "\xff\xfe", "12*3", "310101199001011233", "92140100MA0K12345U", "6225 7512 3456 1496"} {
		f.Add("", s, "")
	}
	f.Add("电话", "13712345381", "转1")
	f.Fuzz(func(t *testing.T, before, text, after string) {
		for _, n := range mask.Names() {
			r := rule(t, n)
			once := r.Apply(text)
			if !utf8.ValidString(once) || r.Apply(once) != once {
				t.Fatalf("%s(%q) = %q, again %q", n, text, once, r.Apply(once))
			}
			if n != "drop" && n != "uscc" && text != "" && !strings.Contains(once, "*") {
				t.Fatalf("%s(%q) = %q", n, text, once)
			}
		}
		if strings.Contains(before+after, "*") {
			return
		}
		for _, n := range []string{"phone", "phone_jinlaiban", "phone_alipay", "password", "landline", "id_card", "name"} {
			bare := strings.Map(digitsOut, before) + "13798765381" + strings.Map(digitsOut, after)
			if out := rule(t, n).Apply(bare); strings.Contains(out, "9876") {
				t.Fatalf("%s(%q) = %q", n, bare, out)
			}
		}
	})
}

func digitsOut(r rune) rune {
	if '0' <= r && r <= '9' || '０' <= r && r <= '９' {
		return -1
	}
	return r
}

func BenchmarkApply(b *testing.B) {
	for _, n := range []string{"phone", "name", "id_card", "email", "address"} {
		r := rule(b, n)
		in := map[string]string{"email": "duandazhi@126.com", "address": "北京市海淀区马连洼街道289号", "name": "段正淳"}[n]
		if in == "" {
			in = "310101199001011233"
		}
		b.Run(n, func(b *testing.B) {
			for b.Loop() {
				r.Apply(in)
			}
		})
	}
}

func TestNamesAreUnique(t *testing.T) {
	names := mask.Names()
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 17 {
		t.Errorf("%d rules", n)
	}
}
