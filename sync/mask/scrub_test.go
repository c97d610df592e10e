package mask_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"milkrun/sync/mask"
)

func TestScrub(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"用户13712345381已注册", "用户137****5381已注册"},
		{"phone=13712345381&x=1", "phone=137****5381&x=1"},
		{"u13712345381u", "u137****5381u"},
		{"13712345381,13812345678", "137****5381,138****5678"},
		{"+8613712345381 008613712345381 8613712345381", "+86137****5381 0086137****5381 86137****5381"},
		{"12712345381 137123453810 99913712345381 1371234538", "12712345381 137123453810 99913712345381 1371234538"},
		{"ID 110101199003078005.", "ID 1***************05."},
		{"11010119900307803X是", "1***************3X是"},
		{"11010119900307803x", "1***************3x"},
		{"11010119900307803Xa 110101199003078006 110101199013078005", "11010119900307803Xa 110101199003078006 110101199013078005"},
		{"mail duandazhi@126.com, a@x.com.", "mail d********@126.com, *@x.com."},
		{"https://root:geheim@db.example.com/", "https://root:g*****@db.example.com/"},
		{"13712345381@qq.com", "1**********@qq.com"},
		{"*13712345381@qq.com", "*137****5381@qq.com"},
		{"d********@126.com", "d********@126.com"},
		{"root@unix(/tmp/s) @x.com a@b a@.com", "root@unix(/tmp/s) @x.com a@b a@.com"},
		{"a@b.com@c.com", "*@b****@c.com"},
		{"卡6222021000000005", "卡6222 **** **** 0005"},
		{"62220210000000009 622202100000000005 6222021000000000009", "6222 **** **** **** 9 6222 **** **** **** 05 6222 **** **** **** 009"},
		{"6222021000000006 62220210000000000005", "6222021000000006 62220210000000000005"},
		// Unified social credit codes: of digits only and Luhn-valid, with a date of birth inside, ending in X, with a
		// Luhn-valid part.
		{"911401005500000205", "911401005500000205"},
		{"911101199003070169", "911101199003070169"},
		{"91140100550000028X", "91140100550000028X"},
		{"9114010000000037X2", "9114010000000037X2"},
		{"91140100MA0K12345Y", "91140100MA0K12345Y"},
		// Names behind a label.
		{"姓名：段正淳，电话13712345381", "姓名：段**，电话137****5381"},
		{"收货人: 张三 不在", "收货人: 张* 不在"},
		{"联系人【欧阳娜娜】不存在", "联系人【欧***】不存在"},
		{"用户[zhangsan]不存在 用户“李四”不存在", "用户[z*******]不存在 用户“李*”不存在"},
		{"姓名:张三已注销", "姓名:张***销"},
		{"持卡人=买买提·吐尔逊 经办人: John O'Neil-Smith, 3", "持卡人=买****** 经办人: J****************, 3"},
		{`{"user_name":"张三","msg":"系统繁忙","name" : "李四"}`, `{"user_name":"张*","msg":"系统繁忙","name" : "李*"}`},
		{`{\"realName\":\"张三\"} userName=王五&x=1`, `{\"realName\":\"张*\"} userName=王*&x=1`},
		{"姓名:张", "姓名:*"},
		{"姓名:张* 姓名：张＊ 姓名:J*** 姓名:*", "姓名:张* 姓名：张＊ 姓名:J*** 姓名:*"},
		{"姓名：不能为空 姓名 不存在 姓名: 姓名 is missing, 用户名：不存在", "姓名：不能为空 姓名 不存在 姓名: 姓名 is missing, 用户名：不存在"},
		{`no column "姓名" (for user_name); user "postgres" name: users`, `no column "姓名" (for user_name); user "postgres" name: users`},
		{"企业名称：太原市测试科技有限公司 product_name=苹果", "企业名称：太原市测试科技有限公司 product_name=苹果"},
		{"姓名:a@x.com 姓名:13712345381", "姓名:*@x.com 姓名:137****5381"},
		{"姓名:\xff姓名", "姓名:\xff姓名"},
		// Times and ids.
		{"2024-01-02 15:04:05.123456789 1615978623012 1615978623012345678", "2024-01-02 15:04:05.123456789 1615978623012 1615978623012345678"},
		{"\xd5\xc513712345381\xff", "\xd5\xc5137****5381\xff"},
	} {
		if got := mask.Scrub(c.in); got != c.want {
			t.Errorf("Scrub(%q)\n = %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestScrubLeavesCleanTextAlone(t *testing.T) {
	text := strings.Repeat("第 12 页: 错误 91140100MA0K12345Y 2024-01-02\n", 10)
	if n := testing.AllocsPerRun(10, func() { mask.Scrub(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzScrub(f *testing.F) {
	for _, s := range []string{"姓名：张三", "联系人[J S", "user_name=李", "：", "tel ", "86", "a@b.c", "11010119900307803X", "6222021000000005", "9114010000000037X2", "*", "@x.com", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + after
		once := mask.Scrub(text)
		if mask.Scrub(once) != once {
			t.Fatalf("Scrub(%q) = %q, again %q", text, once, mask.Scrub(once))
		}
		if utf8.ValidString(text) && !utf8.ValidString(once) {
			t.Fatalf("Scrub(%q) = %q", text, once)
		}
		bare := strings.Map(digitsOut, before) + "13798765381" + strings.Map(digitsOut, after)
		if out := mask.Scrub(bare); strings.Contains(out, "9876") {
			t.Fatalf("Scrub(%q) = %q", bare, out)
		}
	})
}

func BenchmarkScrub(b *testing.B) {
	for name, line := range map[string]string{
		"clean":  "page 12 of 1700: record 911401005500000205 refused, code 300, 2024-01-02 15:04:05 统一社会信用代码\n",
		"dense":  "13712345381 a@x.com 110101199003078005\n",
		"digits": "1234567890",
		"ats":    "a@a.",
	} {
		text := strings.Repeat(line, 1<<20/len(line))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				mask.Scrub(text)
			}
		})
	}
}
