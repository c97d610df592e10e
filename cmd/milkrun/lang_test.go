package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/words"
)

var (
	// What is the same in every language: paths, flags, keys, quoted texts, commands to type, addresses.
	asTheyStand = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'|--?[a-z-]+|[\w.~-]*/[\w./-]*|\bmilkrun( [a-z-]+)*|[a-z]+（|\w+=\S+|\w+(\|\w+)+|\{[^}\n]*\}|‹[^›]*›|\[(flags|command)\]|delivered( 或 |、)failed`)
	// Words that hold an English sentence together, states, and headings.
	english = regexp.MustCompile(`\b(the|an?|is|are|was|has|of|by|in|at|on|since|ago|from|and|or|for|with|its?|not|no|which|that|this|to|left|later|` +
		`never|none|halted|paused|failed|ended|began)\b|\b(JOB|STATE|RUN|AT|LAST|NEXT|LANE|REASON|BY) {2,}|Usage|Flags:`)
)

// leftovers are the English words in a text that is otherwise Chinese.
func leftovers(text string) []string {
	return english.FindAllString(asTheyStand.ReplaceAllString(text, ""), -1)
}

// spoken runs a command line in Chinese, and demands that it says no English sentence.
func (p *place) spoken(args ...string) outcome {
	p.t.Helper()
	o := p.run(append(args, "--lang", "zh")...)
	text := strings.ReplaceAll(o.out+o.err, p.dir, "")
	if left := leftovers(text); left != nil {
		p.t.Errorf("%s: English is left: %q\n%s", o.line, left, text)
	}
	if !regexp.MustCompile(`\p{Han}`).MatchString(text) {
		p.t.Errorf("%s: no Chinese:\n%s", o.line, text)
	}
	return o
}

func TestCommandsInChinese(t *testing.T) {
	t.Parallel()
	p, _ := affairsPlace(t)
	p.spoken("check").exits(exitDone).says("正确：2 个连接，2 个任务", "后")
	p.spoken("runs").exits(exitError).says("没有状态文件", "→")
	p.run("once", "affairs", "--dry-run", "--lang", "zh").exits(exitDone).says("未发送任何内容", "data=3 条记录")
	p.spoken("once", "affairs").exits(exitDone).says("任务 affairs 的运行 1：完成", "3 条记录", "送达 3")
	p.spoken("status").says("守护进程", "从未运行", "无")
	for _, line := range []string{
		"status", "runs", "runs show 1", "next", "slots", "audit", "checkpoint list", "checkpoint show affairs", "checkpoint history affairs",
		"dead list", "sign jinlaiban", "trigger affairs", "plan", "runs show 9", "dead show 9", "once afairs", "chek", "next --count x", "checkpoint set affairs x",
		"checkpoint reset affairs --why x", "checkpoint reset affairs --yes", "resume affairs", "resume afairs", "dead retry affairs",
	} {
		p.spoken(strings.Fields(line)...)
	}
	p.spoken("pause", "affairs", "--why", "对方维护").says("任务 affairs 已暂停")
	p.spoken("pause", "affairs").says("由 "+operator()+" 于", "：对方维护")
	p.spoken("status").says("已暂停")
	p.spoken("resume", "affairs").says("暂停已解除")
	p.spoken("checkpoint", "reset", "affairs", "--yes", "--why", "重来").says("→ 开头", "--lane forward")
	p.spoken("checkpoint", "undo", "affairs", "--why", "重来")
	p.spoken("audit").says("暂停", "解除暂停", "重来")
}

func TestFlagsAndLanesAreNotTranslated(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("late", state.Full, atLine2)
	p.spoken("checkpoint", "reset", "late", "--why", "x").exits(exitDone).says("--lane full")
	p.spoken("runs", "--only", "foo").exits(exitUsage).says("done|part|failed|halted|")
}

func TestHaltInChinese(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit(`key = ["id"] }`, `key = ["nokey"] }`)
	p.spoken("once", "affairs")
	p.with(func(ctx context.Context, s *state.Store) error {
		return s.SetHalt(ctx, state.Halt{Scope: state.ConnectionScope, Name: "jinlaiban", Reason: "HTTP 401 Unauthorized", Remedy: "move the file away, or correct the columns of the job's source; then resume the job"})
	})
	p.spoken("status").says("已挂起", "milkrun resume jinlaiban")
	p.spoken("resume", "jinlaiban").says("连接 jinlaiban")
}

func TestBrokenConfigurationInChinese(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit(`schedule = "30 1 * * *"`, `schedul = "30 1 * *"`)
	p.edit(`path = "late.csv"`, `path = 7`)
	p.spoken("check").exits(exitUsage).says("jobs.toml:", "schedul", "个错误")
	var v checkView
	p.run("check", "--json", "--lang", "zh").json(&v)
	if len(v.Problems) == 0 || leftovers(v.Problems[0].Text) == nil {
		t.Errorf("programs are told %+v", v.Problems)
	}
}

func TestHelpInBothLanguages(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	lines := map[string]bool{"": true}
	root := (&app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}).command()
	for _, cmd := range root.Commands() {
		lines[cmd.Name()] = true
		for _, sub := range cmd.Commands() {
			lines[cmd.Name()+" "+sub.Name()] = true
		}
	}
	for line := range lines {
		args := append(strings.Fields(line), "--help")
		p.run(args...).exits(exitDone).says("Usage:").hides("用法")
		p.spoken(args...).exits(exitDone).says("用法：").hides("Usage")
	}
	p.spoken("help", "next").exits(exitDone).says("用法：")
}

func TestLangFlag(t *testing.T) {
	p := newPlace(t, "")
	p.run("check", "--lang", "fr").exits(exitUsage).says(`"fr" is no language known here; write en or zh`)
	p.run("check", "--lang").exits(exitUsage)
	for line, want := range map[string]words.Lang{
		"":                         words.English,
		"check --lang zh":          words.Chinese,
		"--lang=zh_CN.UTF-8 check": words.Chinese,
		"--lang zh --lang en":      words.English,
		"--lang fr":                words.English,
		"--lang":                   words.English,
		"once -- --lang zh":        words.English,
	} {
		if got := language(strings.Fields(line), words.English); got != want {
			t.Errorf("%q is answered in %s, want %s", line, got, want)
		}
	}
	if got := language([]string{"check", "--lang", "en"}, words.Chinese); got != words.English {
		t.Error("--lang en does not win over the environment")
	}
}

func TestLogsAreTranslatedForPeopleOnly(t *testing.T) {
	for format, want := range map[string]string{
		"text": `msg="运行结束" error="连接被拒绝" job="no such job"`,
		"json": `"msg":"run ends"`,
	} {
		var out bytes.Buffer
		a := &app{stderr: &out, lang: words.Chinese, logFormat: format, logLevel: "info"}
		log, err := a.logger()
		if err != nil {
			t.Fatal(err)
		}
		log.WithFields(logrus.Fields{"error": feed.Errorf(feed.Retry, "x", "connection refused"), "job": "no such job"}).Info("run ends")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s, want %s", format, out.String(), want)
		}
	}
}

// A table translates before it cuts, and leaves names alone.
func TestTableInChinese(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, lang: words.Chinese}
	a.printTable([]any{"JOB", "STATE", "ERROR"}, [][]any{{"done", state.Done, cut("connection refused", 10)}, {"none", state.Failed, ""}}, "no run yet")
	a.printTable([]any{"JOB"}, nil, "no run yet")
	for _, want := range []string{"任务", "状态", "done", "完成", "连接被拒绝\n", "none", "失败", "尚未运行过"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
