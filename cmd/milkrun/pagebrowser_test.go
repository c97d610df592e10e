package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"milkrun/state"
)

// tab is a page of a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

func newTab(t *testing.T, url string) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("MILKRUN_REQUIRE_BROWSER") != "" {
			t.Fatal("no Chromium is installed, and MILKRUN_REQUIRE_BROWSER is set")
		}
		t.Skip("SKIPPED: no Chromium is installed (apt-get install chromium); the buttons of the page were not pressed")
	}
	profile, err := os.MkdirTemp("", "milkrun-browser-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		leave()
		stop()
		cancel()
		_ = os.RemoveAll(profile) // the browser may still be writing there
	})
	return &tab{t, ctx, url}
}

func (b *tab) open(path string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.url+path)); err != nil {
		b.t.Fatal(err)
	}
}

// click clicks like a mouse; an element that an update has just replaced is looked for again.
func (b *tab) click(selector string) {
	b.t.Helper()
	var err error
	for range 5 {
		if err = chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))); err == nil {
			return
		}
	}
	b.t.Fatalf("click %s: %v", selector, err)
}

func (b *tab) types(selector, text string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS(selector), text)); err != nil {
		b.t.Fatalf("%s: %v", selector, err)
	}
}

// says waits until a condition holds, also on the next page when a form leads there.
func (b *tab) says(condition string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => { try { return !!(%s) } catch (_) { return false } })()`, condition)))
		if b.ctx.Err() != nil {
			b.t.Fatal(b.ctx.Err())
		}
		if yes && err == nil {
			return
		}
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	b.t.Fatalf("never: %s\n%s", condition, text)
}

// noted waits for what the page says about the button that was pressed.
func (b *tab) noted(text string) {
	b.t.Helper()
	b.says(fmt.Sprintf(`document.querySelector('#note').innerText.includes(%q)`, text))
}

// freePort is an address nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestButtonsOfTheDaemon presses the buttons of the page of a real daemon in a real browser, and looks on the command line
// at what they did.
func TestButtonsOfTheDaemon(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 60, 10)
	if _, err := w.open(t).ExecContext(t.Context(), "UPDATE user_affairs SET busi_item = '' WHERE id IN (SELECT id FROM user_affairs LIMIT 2)"); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	m := manage(t, w.toml()+fmt.Sprintf("\n[page]\nlisten = %q\n", address))
	b := newTab(t, "http://"+address)
	p := m.alone()

	b.open("/jobs/affairs")
	b.types(`.acts input[name=why]`, "they asked")
	b.click(`.acts .buttons button[value=trigger]`)
	b.noted("run 1 of job affairs has begun")
	b.says(`document.querySelector('.head').innerText.includes('done in part')`)
	p.run("audit").exits(exitDone).says("trigger run 1", "they asked", "page (127.0.0.1)")

	b.click(`.ranged summary`)
	b.types(`.ranged input[name=from]`, "2038-01-01")
	b.types(`.ranged input[name=to]`, "2037-01-01")
	b.click(`.ranged button[value=trigger]`)
	b.noted("from must not stand behind to")

	b.open("/jobs/grades")
	b.types(`.acts input[name=why]`, "they move")
	b.click(`.acts button[value=pause]`)
	b.noted("job grades is paused")
	p.run("status").exits(exitDone).says("grades is paused: by page (127.0.0.1) since", "they move")
	b.click(`.acts button[value=resume]`)
	b.noted("the pause of job grades is over")

	b.letters(p)
	b.undo(p)
	m.write(strings.Replace(w.toml(), "[jobs.grades]", "[jobs.grades]\nschedul = 1", 1))
	b.open("/")
	b.click(`.conf button[value=reload]`)
	b.noted("schedul")
	b.says(`document.getElementById('halts').innerText.includes('The changed configuration was refused')`)
	m.end()
	if _, err := os.Stat(filepath.Join(filepath.Dir(m.toml), "milkrun.db.sock")); err == nil {
		t.Error("the control socket is left")
	}
}

// letters looks what would be sent for the dead letters, tries one again and drops the other.
func (b *tab) letters(p *place) {
	b.t.Helper()
	b.open("/letters?job=affairs&state=open")
	b.click(`input[name=id][value="1"]`)
	b.click(`button[value=preview]`)
	b.noted("dead letter 1")
	b.open("/letters/1")
	b.click(`button[value=retry]`)
	b.noted("stays open")
	b.open("/letters/2")
	b.click(`button[value=drop]`)
	b.noted("needs a reason")
	b.types(`input[name=why]`, "a test of theirs")
	b.click(`button[value=drop]`)
	b.noted("1 dead letter dropped")
	p.run("dead", "show", "2").exits(exitDone).says("dropped", "a test of theirs", "page (127.0.0.1)")
}

// undo takes back what an operator did to a checkpoint.
func (b *tab) undo(p *place) {
	b.t.Helper()
	was := *p.cursor("affairs")
	p.run("checkpoint", "set", "affairs", `["2026-01-01 00:00:00","1"]`, "--why", "by mistake").exits(exitDone)
	b.open("/jobs/affairs/checkpoint")
	b.types(`.lane input[name=why]`, "it was right")
	b.click(`.lane button[value=undo]`)
	b.noted("the checkpoint is what it was before")
	if now := *p.cursor("affairs"); now != was {
		b.t.Errorf("the checkpoint is %s, was %s", now, was)
	}
	p.run("checkpoint", "history", "affairs").exits(exitDone).says("undo", "it was right", string(state.Forward))
}
