package page

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync"
)

// addresses are all pages, each with what it must say in English and in Chinese.
var addresses = []struct {
	path   string
	en, zh []string
}{
	{"/", []string{"Overview", "grades", "running", "halted", "Needs an operator", "check the token or the HMAC key", "412,300 of 1,700,311 records", "24 %",
		"never ran", "Resume partner", "12 dead letters", "by li.wei since 2026-03-05 07:42:17 +0800: the archive disk is being replaced", "create_date 2026-03-05 10:39:53, id 413840", "passes without a run"},
		[]string{"总览", "运行中", "已挂起", "需要人工处理", "412,300 / 1,700,311 条记录", "从未运行", "恢复 partner", "12 条死信", "下一时刻", "检查点", "仅手动"}},
	{"/jobs/affairs", []string{"affairs", "Last 30 runs", "business (sqlite)", "jinlaiban (busipush)", "*/10 * * * *", "History and undo", "Run now"},
		[]string{"最近 30 次运行", "来源", "目标", "历史与撤回", "立即运行", "暂停"}},
	{"/jobs/user-info", []string{"halted", "token expired", "done by 07:00, a success within 26h", "2 of 3 units", "Backfills", "h, by the cursor"},
		[]string{"已挂起", "07:00 前完成，26h 内须有成功", "2 / 3 个单元", "补推", "（按游标）"}},
	{"/backfills/1", []string{"Backfill 1 of user-info", "2 of 3 units", "li.wei: they lost a day", "2026-03-01 08:00:00", "done in part", "open", "Run 1",
		`milkrun backfill user-info --from "2026-03-01" --to "2026-03-02"`}, []string{"user-info 的补推 1", "部分完成", "待处理", "尚有未完成的单元"}},
	{"/jobs/licences/checkpoint", []string{"Checkpoint of licences", "set", "li.wei: the partner asked for March again", "Undo the last change", "An undo brings back:"},
		[]string{"licences 的检查点", "设置", "撤回上次更改", "撤回后恢复为："}},
	{"/jobs/grades/checkpoint", []string{"None: it begins at the beginning.", "there is nothing to undo", "Last complete pass"}, []string{"无：从头开始。", "无可撤回", "上次全量"}},
	{"/runs", []string{"Runs", "All jobs", "grades", "running", "Older runs"}, []string{"所有任务", "更早的运行", "运行中"}},
	{"/runs?job=licences&state=failed", []string{"no answer within 30s", "failed"}, []string{"失败"}},
	{"/runs/2", []string{"Run 2 of", "What happened", "Delivered"}, []string{"的运行 2", "经过", "送达"}},
	{"/calendar", []string{"Calendar of slots", "2026-03-02 – 2026-03-08", "6 missed", "2 skipped", "due", "03:00 halted"}, []string{"时刻日历", "2026-03-02 至 2026-03-08", "6 已错过", "2 已跳过", "计划中", "周四"}},
	{"/calendar/affairs/2026-03-04", []string{"Slots of affairs on 2026-03-04", "missed", "the daemon was stopped", "Asia/Shanghai"}, []string{"affairs 在 2026-03-04 的时刻", "已错过"}},
	{"/letters", []string{"Dead letters", "projectName is longer than 50 characters", "王**", "138****1206", "Deliver again", "Drop", "Show what would be sent"},
		[]string{"死信", "记录（已脱敏）", "重新投递", "放弃", "预览发送内容"}},
	{"/letters?job=affairs&state=open", []string{"all open ones of affairs"}, []string{"affairs 的全部待处理死信"}},
	{"/letters/1", []string{"Dead letter 1", "result 2", "tried once", "First refused"}, []string{"死信 1", "首次被拒"}},
	{"/changes", []string{"Operation log", "li.wei", "pause", "the archive disk is being replaced"}, []string{"操作日志", "操作者", "原因"}},
}

func TestPages(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(3)
	for _, a := range addresses {
		for lang, want := range map[string][]string{"en-GB,en;q=0.8": a.en, "zh-CN,zh;q=0.9,en;q=0.5": a.zh} {
			t.Run(a.path+" "+lang[:2], func(t *testing.T) {
				status, body, header := w.ask(a.path, "Accept-Language", lang)
				if status != http.StatusOK {
					t.Fatalf("status %d: %s", status, body)
				}
				for _, text := range want {
					if !strings.Contains(plain(body), text) {
						t.Errorf("%q is not on the page", text)
					}
				}
				checkPage(t, body, header)
				if tag := fmt.Sprintf(`<html lang=%q>`, map[string]string{"en": "en", "zh": "zh-CN"}[lang[:2]]); !strings.Contains(body, tag) {
					t.Errorf("the page is not marked as %s", tag)
				}
				if t.Failed() && os.Getenv("MILKRUN_SHOW") != "" {
					t.Log(plain(body))
				}
			})
		}
	}
}

// plain is what a page says, without its tags and with single blanks.
func plain(body string) string {
	var out strings.Builder
	inside := false
	for _, r := range body {
		switch {
		case r == '<':
			inside = true
			out.WriteByte(' ')
		case r == '>':
			inside = false
		case !inside:
			out.WriteRune(r)
		}
	}
	text := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#43;", "+").Replace(out.String())
	return strings.Join(strings.Fields(text), " ")
}

// checkPage holds for every page: nothing inline, nothing from elsewhere, no error of a template, every tag closed.
func checkPage(t *testing.T, body string, header http.Header) {
	t.Helper()
	for _, bad := range []string{"<style", "style=", "onclick", "javascript:", "http://", "https://", "ZgotmplZ", "%!", "<no value>", "err."} {
		if strings.Contains(body, bad) && !strings.Contains(bad, "http") || strings.Contains(body, `src="`+bad) || strings.Contains(body, `href="`+bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if strings.Count(body, "<script") > 1 || strings.Contains(body, "<script>") {
		t.Error("the page has a script in it")
	}
	for _, tag := range []string{"table", "tbody", "tr", "td", "th", "form", "section", "details", "svg", "div", "dl", "ul", "ol", "span", "p", "main", "g"} {
		if open, shut := strings.Count(body, "<"+tag+" ")+strings.Count(body, "<"+tag+">"), strings.Count(body, "</"+tag+">"); open != shut {
			t.Errorf("%d <%s> and %d </%s>", open, tag, shut, tag)
		}
	}
	if got := header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") || !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy is %q", got)
	}
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}

func TestEmptyState(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/", "/jobs/affairs", "/jobs/affairs/checkpoint", "/runs", "/calendar", "/calendar/affairs/2026-03-04", "/letters", "/changes"} {
		status, body, header := w.ask(path)
		if status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
		checkPage(t, body, header)
	}
}

// The runs come page by page, to the oldest.
func TestRunsPageByPage(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 2*runsAtOnce + 1 {
		w.ran("census", noon().Add(time.Duration(i-1000)*time.Minute), "", time.Second, state.Run{State: state.Done, Trigger: state.Manual})
	}
	next := regexp.MustCompile(`<a href="([^"]+)">Older runs`)
	path, pages := "/runs?job=census&state=done", 0
	seen := map[string]bool{}
	for path != "" && pages < 9 {
		status, body, header := w.ask(path)
		checkPage(t, body, header)
		rows := regexp.MustCompile(`<th scope="row" class="n"><a href="(/runs/\d+)">`).FindAllStringSubmatch(body, -1)
		for _, row := range rows {
			seen[row[1]] = true
		}
		if status != http.StatusOK || len(rows) == 0 || pages > 0 != strings.Contains(body, "Newest runs") {
			t.Fatalf("%s: %d, %d rows", path, status, len(rows))
		}
		path = ""
		if found := next.FindStringSubmatch(body); found != nil {
			path = strings.ReplaceAll(found[1], "&amp;", "&")
		}
		pages++
	}
	if pages != 3 || len(seen) != 2*runsAtOnce+1 {
		t.Errorf("%d runs on %d pages", len(seen), pages)
	}
}

func TestNoPage(t *testing.T) {
	w := newWorld(t, nil)
	for path, want := range map[string]string{
		"/nothing": "There is nothing here", "/runs/x": "There is nothing here", "/runs/99": "There is nothing here", "/letters/7": "There is nothing here",
		"/runs/99999999999999999999": "There is nothing here", "/calendar/affairs/yesterday": "There is nothing here", "/calendar/afairs/2026-03-04": `did you mean "affairs"?`,
		"/jobs/afairs": `did you mean "affairs"?`, "/jobs/..%2f..%2fetc%2fpasswd": "There is no such job", "/%00": "There is nothing here", "/style.css/x": "There is nothing here",
		"/jobs/%3Cscript%3Ealert(1)%3C%2Fscript%3E": "There is no such job", "/assets/": "There is nothing here", "/frame.html": "There is nothing here",
	} {
		status, body, header := w.ask(path)
		if status != http.StatusNotFound || !strings.Contains(plain(body), want) {
			t.Errorf("%s: status %d, %s", path, status, plain(body))
		}
		checkPage(t, body, header)
	}
}

// A job that the configuration has no more is still there to look at.
func TestRemovedJob(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	conf := *w.options.Config()
	conf.Jobs = conf.Jobs[:0:0]
	w.smaller = &conf
	for _, path := range []string{"/", "/jobs/affairs", "/jobs/affairs/checkpoint", "/runs?job=affairs", "/letters?job=affairs", "/calendar"} {
		if status, body, _ := w.ask(path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, plain(body))
		}
	}
	if _, body, _ := w.ask("/jobs/affairs"); !strings.Contains(plain(body), "not in jobs.toml") || strings.Contains(body, `value="trigger"`) {
		t.Errorf("the page of a removed job: %s", plain(body))
	}
}

func TestStateUnreadable(t *testing.T) {
	w := newWorld(t, nil)
	w.must(w.store.Close())
	status, body, _ := w.ask("/")
	if status != http.StatusInternalServerError || !strings.Contains(plain(body), "The state cannot be shown") {
		t.Errorf("status %d: %s", status, plain(body))
	}
}

func TestAssets(t *testing.T) {
	w := newWorld(t, nil)
	if len(w.page.assets) != 3 {
		t.Fatalf("%d assets", len(w.page.assets))
	}
	_, body, _ := w.ask("/")
	for name, f := range w.page.assets {
		address := w.page.assets.address(name)
		if !strings.Contains(body, `"`+address+`"`) {
			t.Errorf("the page does not name %s", address)
		}
		status, text, header := w.ask(address)
		if status != http.StatusOK || text != string(f.content) || header.Get("Content-Type") != f.kind || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", address, status, header)
		}
		if _, _, header := w.ask("/" + name); header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s without its version may be kept", name)
		}
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, nil)
	if status, body, _ := w.ask("/metrics"); status != http.StatusOK || body != "milkrun_up 1\n" {
		t.Errorf("%d %s", status, body)
	}
	none := newWorld(t, func(o *Options) { o.Metrics = nil })
	if status, _, _ := none.ask("/metrics"); status != http.StatusNotFound {
		t.Errorf("without metrics: %d", status)
	}
}

// A configuration that was refused is said on the overview, until a good one is taken up.
func TestRefusedConfiguration(t *testing.T) {
	w := newWorld(t, nil)
	w.must(w.store.Enlist(t.Context(), state.Daemon{PID: 1, Config: "/etc/milkrun/jobs.toml", Digest: "x"}))
	w.must(w.store.Refused(t.Context(), "jobs.toml:3:1: there is no key <schedul>"))
	if _, body, _ := w.ask("/"); !strings.Contains(plain(body), "there is no key <schedul>") || !strings.Contains(plain(body), "The changed configuration was refused") {
		t.Errorf("after a refusal: %s", plain(body))
	}
	w.must(w.store.Loaded(t.Context(), "y"))
	if _, body, _ := w.ask("/"); strings.Contains(plain(body), "refused") {
		t.Errorf("after a good one: %s", plain(body))
	}
}

// An address that the daemon could not open is said on the overview, until it is open.
func TestUnopenedAddress(t *testing.T) {
	w := newWorld(t, nil)
	w.must(w.store.Enlist(t.Context(), state.Daemon{PID: 1, Config: "/etc/milkrun/jobs.toml", Digest: "x"}))
	w.must(w.store.NoteUnopened(t.Context(), []state.Unopened{{What: "status reports are not received: <taken>", Remedy: "end what holds it"}}))
	if _, body, _ := w.ask("/"); !strings.Contains(plain(body), "status reports are not received: <taken>") || !strings.Contains(plain(body), "end what holds it") {
		t.Errorf("while it is not open: %s", plain(body))
	}
	w.must(w.store.NoteUnopened(t.Context(), nil))
	if _, body, _ := w.ask("/"); strings.Contains(plain(body), "taken>") {
		t.Errorf("when it is open: %s", plain(body))
	}
}

// What runs is on the overview although the configuration has it no more, and what has not begun is no run yet.
func TestRunningOnly(t *testing.T) {
	w := newWorld(t, nil)
	id := w.ran("old-job", noon().Add(-time.Hour), "", time.Minute, state.Run{State: state.Done, Trigger: state.Manual})
	w.setRunning(sync.Progress{Job: "old-job", Run: id, Phase: "reading", StartedAt: noon().Add(-time.Minute), Counts: state.Counts{Total: -1, Read: 600},
		Trouble: "HTTP 503", GiveUpAt: noon().Add(40 * time.Minute)}, sync.Progress{Job: "census"})
	_, body, _ := w.ask("/")
	for _, want := range []string{"old-job running", "10 records/s", "trying again after: HTTP 503 It is given up in 40 min.", "census by hand business → business never ran"} {
		if !strings.Contains(strings.Join(strings.Fields(strings.NewReplacer("✓", "").Replace(plain(body))), " "), want) {
			t.Errorf("%q is not there: %s", want, plain(body))
		}
	}
}
