package words

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \n", " \n"},
		{"done", "完成"},
		{"the beginning", "开头"},
		{"  no jobs\n", "  没有任务\n"},
		{"grades", "grades"}, // a name
		{"0 jobs, 2 warnings", "0 个任务，2 个警告"},
		{"1,700 pages", "1,700 页"},
		{"job disk is paused: its slots pass without a run until milkrun resume disk", "任务 disk 已暂停：计划时刻空过、不运行，直到 milkrun resume disk"},
		{"jinlaiban: batch of 2000 records: jinlaiban: busipush of 2000 records: HTTP 503: the answer is an HTML or XML page, not JSON, sent as text/html",
			"jinlaiban：2000 条记录的批次：jinlaiban：业务推送 2000 条记录：HTTP 503：应答是 HTML 或 XML 页面，不是 JSON，类型为 text/html"},
		{"job affairs: reading the answer: unexpected EOF", "任务 affairs：读取应答：数据意外结束（EOF）"},
		{"there is no job \"grads\"; did you mean \"grades\"?", "没有任务 \"grads\"；是否想写 \"grades\"？"},
		{"jobs.toml has 1 error, and the one before it goes on: jobs.toml:31:1: jobs.affairs.batch_sise: there is no such key (did you mean \"batch_size\"?)",
			"jobs.toml 有 1 个错误，继续使用之前的配置：jobs.toml:31:1：jobs.affairs.batch_sise：没有这个键（是否想写 \"batch_size\"？）"},
		{"affairs is running: the configuration has it no more; this run goes on to its end", "affairs 正在运行：配置中已没有它；本次运行会进行到底"},
		{"page behind the beginning: credit: grades page 3: dial tcp 127.0.0.1:1: connect: connection refused (network)",
			"开头之后的一页：credit：grades 第 3 页：dial tcp 127.0.0.1:1：connect：连接被拒绝 (network)"},
		{"/var/lib/milkrun/milkrun.db: state file in use by another milkrun (process 4711), opening it",
			"/var/lib/milkrun/milkrun.db：状态文件正由另一个 milkrun 使用（进程 4711），打开"},
		{"/x/milkrun.db: disk full, moving the checkpoint of job grades: database or disk is full",
			"/x/milkrun.db：磁盘已满，移动任务 grades 的检查点：database or disk is full"},
		{"the column phone is not valid UTF-8", "列 phone 不是有效的 UTF-8"},
		{"line 12: the quoted field that begins in line 3 is not closed before the file ends; it begins in line 3",
			"第 12 行：始于第 3 行的带引号字段到文件结尾仍未闭合；始于第 3 行"},
		{"connection jinlaiban is halted since 2026-03-01T01:30:00+08:00: batch of 3 records: 晋来办 denies access with 302: 无权限",
			"连接 jinlaiban 自 2026-03-01T01:30:00+08:00 起挂起：3 条记录的批次：晋来办以 302 拒绝访问：无权限"},
		{"it is tried again by itself; if it goes on, ask the partner what it means", "会自动重试；如持续出现，请询问对接方其含义"},
		{"run 7 is under way\nno daemon is running now; it holds for the next one", "运行 7 正在进行\n目前没有守护进程在运行；下次启动时生效"},
		{"orders@2: order_no does not have the form B[0-9]{8}, it is \"A1\"; user_phone does not have the form 1[0-9]{10}; channel is missing (record 4 of the page behind the beginning)",
			"orders@2：order_no 不符合格式 B[0-9]{8}，实际为 \"A1\"；user_phone 不符合格式 1[0-9]{10}；channel 缺失（开头之后那一页的第 4 条记录）"},
		{"status is none of 已支付 已发货, it is \"x\"; channel is missing", "status 不在允许的取值 已支付 已发货 之内，实际为 \"x\"；channel 缺失"},
		{"status is none of 已支付 已发货; qty has another type than integer", "status 不在允许的取值 已支付 已发货 之内；qty 的类型不是 integer"},
		// Of these we know nothing.
		{"pq: relation \"job\" does not exist", "pq: relation \"job\" does not exist"},
		{"error in module, by hand of god", "error in module, by hand of god"},
		{"数据库连接失败: code 7", "数据库连接失败：代码 7"},
	} {
		if got := Chinese.Text(c.text); got != c.want {
			t.Errorf("%q becomes\n  %s\nwant\n  %s", c.text, got, c.want)
		}
		if got := English.Text(c.text); got != c.text {
			t.Errorf("%q becomes %q in English", c.text, got)
		}
	}
}

type state string

type nilError struct{}

func (*nilError) Error() string { panic("asked") }

func TestSprintf(t *testing.T) {
	var none *nilError
	for _, c := range []struct {
		want   string
		format string
		args   []any
	}{
		{"任务 done 已在运行（运行 7）", "job %s is running already (run %d)", []any{"done", 7}}, // its name
		{"任务 done 的运行 3：完成，用时 4s", "run %d of %s: %s in %s", []any{3, "done", state("done"), 4 * time.Second}},
		{"读取应答：没有该文件或目录", "reading the answer: %w", []any{fs.ErrNotExist}},
		{"读取应答：读取应答：x", "reading the answer: %w", []any{fmt.Errorf("reading the answer: %w", errors.New("x"))}},
		{"没有任务 \"disk full\"", "there is no job %q", []any{"disk full"}},
		{"1,700 页 / 3 条记录（5 %）\n", "%s of %s (%d %%)\n", []any{"1,700 pages", "3 records", 5}},
		{"其他 磁盘已满 7", "其他 %s %d", []any{"disk full", 7}}, // a format that is not known
		{"读取应答：<nil>", "reading the answer: %w", []any{nil}},
		{"读取应答：%!v(PANIC=Error method: asked)", "reading the answer: %w", []any{none}},
		{"运行 %!d(MISSING)", "run %d", nil},
	} {
		got := Chinese.Sprintf(c.format, c.args...)
		got = strings.ReplaceAll(got, "file does not exist", "没有该文件或目录")
		if got != c.want && !(strings.Contains(c.want, "PANIC") && strings.HasPrefix(got, "读取应答：")) {
			t.Errorf("%q of %v becomes\n  %s\nwant\n  %s", c.format, len(c.args), got, c.want)
		}
	}
	if got := English.Sprintf("reading the answer: %w", fs.ErrNotExist); got != "reading the answer: file does not exist" {
		t.Errorf("in English: %q", got)
	}
}

// Texts that are made to cost much come back as they are, or nearly, and soon.
func TestHostileTexts(t *testing.T) {
	for name, text := range map[string]string{
		"colons":   strings.Repeat("a b: ", 3000),
		"formats":  strings.Repeat("job a: reading the answer: ", 500),
		"quotes":   strings.Repeat(`"\`, 5000) + " is no duration",
		"blanks":   strings.Repeat(" ", 10000) + "x " + strings.Repeat(" ", 6000),
		"lines":    strings.Repeat("no jobs\n", 2000),
		"brackets": strings.Repeat("(7 times) (", 1400),
		"too long": strings.Repeat("disk full, ", 5000),
	} {
		begin := time.Now()
		got := Chinese.Text(text)
		if took := time.Since(begin); took > 10*time.Second { // some 50 ms each on an idle machine
			t.Errorf("%s: %s", name, took)
		}
		if len(text) > longest && got != text {
			t.Errorf("%s: a text beyond the bound is changed", name)
		}
	}
}

// FuzzText looks for what a translation loses: numbers, names, words that the catalogue does not know.
func FuzzText(f *testing.F) {
	known := map[string]bool{}
	for id := range chinese().formats {
		for _, word := range tokens.FindAllString(bare(id), -1) {
			known[word] = true
		}
		text, _ := rendered(id)
		f.Add(text)
		f.Add("jinlaiban: " + text + "; " + text)
	}
	f.Add("run 7 of job_x: HTTP 503: \"a\\\"b\" \xff (process 12)")
	f.Fuzz(func(t *testing.T, text string) {
		got := Chinese.Text(text)
		if English.Text(text) != text {
			t.Fatalf("%q is changed in English", text)
		}
		if again := Chinese.Text(text); again != got {
			t.Fatalf("%q becomes %q, and then %q", text, got, again)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q, which is no UTF-8", text, got)
		}
		have := map[string]int{}
		for _, token := range tokens.FindAllString(got, -1) {
			have[token]++
		}
		for _, token := range tokens.FindAllString(text, -1) {
			if !known[token] && have[token] == 0 && !glued(token, got, known) {
				t.Fatalf("%q becomes %q, without %s", text, got, token)
			}
		}
		if !digitsKept(text, got) {
			t.Fatalf("%q becomes %q, with other digits", text, got)
		}
	})
}

// glued says that a token is a word of the catalogue with something at its beginning or end that is still there.
func glued(token, got string, known map[string]bool) bool {
	for i := range token {
		if known[token[:i]] && strings.Contains(got, token[i:]) || known[token[i:]] && strings.Contains(got, token[:i]) {
			return true
		}
	}
	return false
}

// tokens are words as people write names: of letters, digits and what joins them.
var tokens = regexp.MustCompile(`[A-Za-z0-9_.\-]*[A-Za-z0-9_]`)

// digitsKept says that every digit of a text is there as often as before, or more often: a translation may repeat one.
func digitsKept(text, got string) bool {
	count := func(s string) (n [10]int) {
		for _, r := range s {
			if unicode.Is(unicode.Nd, r) && r < utf8.RuneSelf {
				n[r-'0']++
			}
		}
		return n
	}
	before, after := count(text), count(got)
	for i := range before {
		if after[i] < before[i] {
			return false
		}
	}
	return true
}
