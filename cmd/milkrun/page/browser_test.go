package page

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"milkrun/state"
	"milkrun/sync/words"
)

var updating = flag.Bool("update", false, "write the screenshots in docs/images anew")

// requireBrowser, set by CI, makes a missing browser a failure.
const requireBrowser = "MILKRUN_REQUIRE_BROWSER"

// browserPath is where a Chromium is, "" when there is none.
func browserPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// browser is a tab of a real browser, on a page.
type browser struct {
	*world
	ctx        context.Context
	complaints []string
}

func newBrowser(t *testing.T, w *world) *browser {
	t.Helper()
	path := browserPath()
	if path == "" {
		if os.Getenv(requireBrowser) != "" {
			t.Fatalf("no Chromium is installed, and %s is set", requireBrowser)
		}
		t.Skip("SKIPPED: no Chromium is installed (apt-get install chromium fonts-noto-cjk); the page was not tested in a browser")
	}
	profile, err := os.MkdirTemp("", "milkrun-browser-")
	w.must(err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	b := &browser{world: w}
	ctx, leave := chromedp.NewContext(ctx, chromedp.WithListener(b.heard))
	b.ctx = ctx
	t.Cleanup(func() {
		leave()
		stop()
		cancel()
		_ = os.RemoveAll(profile) // the browser may still be writing there
	})
	w.page.pace = 150 * time.Millisecond
	b.language("en-GB")
	return b
}

// heard keeps what the browser complains about: scripts that fail, and what the content security policy forbids.
func (b *browser) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "404") { // the pages there are not are asked for on purpose
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}
}

func (b *browser) act(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func evaluate[T any](b *browser, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits until a condition holds in the page, also in the next one when a form leads there.
func (b *browser) until(condition string) {
	b.t.Helper()
	script := fmt.Sprintf(`new Promise(done => { let left = 15; const look = setInterval(() => {
		let yes = false; try { yes = !!(%s); } catch (_) {}
		if (yes || --left == 0) { clearInterval(look); done(yes); } }, 20); })`, condition)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
		if b.ctx.Err() != nil {
			b.t.Fatal(b.ctx.Err())
		}
		if yes && err == nil { // an error is a page that was left meanwhile
			return
		}
	}
	b.t.Fatalf("not within a minute: %s\n%s", condition, plain(evaluate[string](b, `document.body.innerHTML`)))
}

func (b *browser) open(path string) { b.act(chromedp.Navigate(b.server.URL + path)) }

// click clicks like a mouse. An element that an update has just put in place of another is looked for again.
func (b *browser) click(selector string) {
	b.t.Helper()
	var err error
	for range 5 {
		if err = chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))); err == nil {
			return
		}
	}
	b.t.Fatalf("click %s: %v", selector, err)
}

// size is that of the screen.
func (b *browser) size(width, height int64, phone bool) {
	b.t.Helper()
	b.act(chromedp.EmulateViewport(width, height, func(m *emulation.SetDeviceMetricsOverrideParams, touch *emulation.SetTouchEmulationEnabledParams) {
		m.Mobile, touch.Enabled = phone, phone
	}))
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	b.must(err)
}

func (b *browser) language(tag string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}})
	b.must(err)
}

// fits fails when a page is wider than the screen.
func (b *browser) fits() {
	b.t.Helper()
	if over := evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		wide := evaluate[string](b, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 160)).join('\n')`)
		b.t.Errorf("%s is %d px wider than the screen:\n%s", evaluate[string](b, `location.pathname`), over, wide)
	}
}

// picture takes a screenshot of the whole page, or its upper part, and writes it when -update is given, as small as it gets.
func (b *browser) picture(name string, width, most int64) {
	b.t.Helper()
	tall := min(int64(evaluate[int](b, `document.documentElement.scrollHeight`)), most)
	from := true
	shot, err := chromedp.Call(b.ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &from, FromSurface: &from,
		Clip: &cdppage.Viewport{Width: float64(width), Height: float64(tall), Scale: 1}})
	b.must(err)
	if len(shot.Data) < 10<<10 {
		b.t.Errorf("the picture %s has %d bytes", name, len(shot.Data))
	}
	if !*updating {
		return
	}
	img, err := png.Decode(bytes.NewReader(shot.Data))
	b.must(err)
	var small bytes.Buffer
	b.must((&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, img))
	if small.Len() > 200<<10 {
		b.t.Errorf("the picture %s has %d bytes", name, small.Len())
	}
	b.must(os.WriteFile(filepath.Join("..", "..", "..", "docs", "images", name+".png"), small.Bytes(), 0o644))
}

// paper looks at what is printed on A4 by someone who likes the screen dark: it fits, is legible and has no empty boxes.
func (b *browser) paper(t *testing.T) {
	b.size(718, 1000, false)
	for _, path := range []string{"/", "/jobs/affairs", "/runs", "/letters"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print",
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
		b.must(err)
		b.open(path)
		b.fits()
		if seen := evaluate[int](b, `[...document.querySelectorAll('button, .acts, nav')].filter(e => e.offsetHeight > 0).length`); seen > 0 {
			t.Errorf("%s has %d controls on paper", path, seen)
		}
		if bad := evaluate[string](b, `getComputedStyle(document.documentElement).getPropertyValue('--bad')`); strings.TrimSpace(bad) != "#b3261e" {
			t.Errorf("%s is printed in the colours of the dark: %s", path, bad)
		}
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Translate = func(lang, text string) string { return words.Lang(lang).Text(text) } })
	b := newBrowser(t, w)
	w.fill(7)
	b.size(1280, 900, false)
	b.scheme("light")
	b.open("/")
	b.until(`document.getElementById('live').dataset.on === 'yes'`)
	b.fits()
	b.picture("overview", 1280, 1000)

	t.Run("progress moves", func(t *testing.T) {
		b.until(`document.querySelector('#gauge-grades progress').value === 412300`)
		w.setRunning(w.gradesAt(987_000))
		b.until(`document.querySelector('#gauge-grades progress').value === 987000 && document.querySelector('#gauge-grades').textContent.includes('58 %')`)
		w.setRunning(w.gradesAt(412_300))
	})
	t.Run("pause with a reason", func(t *testing.T) { b.pause(t) })
	t.Run("keyboard", func(t *testing.T) { b.keyboard() })
	t.Run("run details", func(t *testing.T) {
		b.open("/runs?job=licences&state=failed")
		b.click(`table.runs tbody a`)
		b.until(`document.querySelector('.failure')`)
		b.open(fmt.Sprintf("/runs/%d", w.troubled()))
		b.until(`document.querySelectorAll('.events li').length > 6`)
		b.fits()
		b.picture("run", 1280, 900)
	})
	t.Run("calendar", func(t *testing.T) {
		b.open("/calendar")
		b.until(`document.querySelectorAll('.marks rect').length > 500`)
		b.fits()
		b.picture("calendar", 1280, 900)
	})
	t.Run("Chinese and dark", func(t *testing.T) {
		b.open("/")
		b.click(`#language`)
		b.until(`document.documentElement.lang === 'zh-CN' && document.body.textContent.includes('需要人工处理')`)
		b.scheme("dark")
		b.until(`document.getElementById('live').dataset.on === 'yes'`)
		if ground := evaluate[string](b, `getComputedStyle(document.body).backgroundColor`); ground != "rgb(16, 20, 24)" {
			t.Errorf("the ground in the dark is %s", ground)
		}
		b.contrast(t)
		b.picture("overview-dark.zh-CN", 1280, 880)
		b.scheme("light")
		b.contrast(t)
	})
	t.Run("narrower screens", func(t *testing.T) {
		for _, width := range []int64{1100, 1024, 900, 830, 600, 320} {
			b.size(width, 800, false)
			b.open("/")
			b.fits()
		}
	})
	t.Run("phone", func(t *testing.T) {
		b.size(390, 844, true)
		for _, path := range []string{"/", "/jobs/affairs", "/jobs/licences/checkpoint", "/runs", "/runs/3", "/calendar", "/calendar/affairs/2026-03-04", "/letters", "/letters/1", "/changes", "/nothing"} {
			b.open(path)
			b.fits()
		}
		b.open("/")
		b.until(`document.getElementById('live').dataset.on === 'yes'`)
		b.picture("phone.zh-CN", 390, 1400)
	})
	t.Run("on paper", func(t *testing.T) { b.paper(t) })
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(b.complaints, "\n"))
	}
}

// troubled is a run in which much happened.
func (w *world) troubled() int64 {
	at := noon().Add(-2 * time.Hour)
	id := w.ran("census", at, "", 3*time.Minute, state.Run{State: state.Part, Trigger: state.Manual, Slot: time.Time{},
		Counts: state.Counts{Pages: 1701, Read: 1_700_312, Delivered: 1_700_280, Rejected: 31, Skipped: 1, Retries: 6, Bytes: 104_300_000, Total: 1_700_311}, CursorTo: `[1700312]`,
		Summary: `{"inserted":412,"updated":3051,"deleted":96,"unchanged":1696721,"reread":3}`})
	for i, e := range []state.Event{
		{Kind: "retry", Text: "page 71: HTTP 503 from the platform; trying again in 2s"},
		{Kind: "retry", Text: "page 71: HTTP 503 from the platform; trying again in 4s"},
		{Kind: "drift", Text: "the total changed from 1,700,311 to 1,700,312 while reading: 3 pages are read again"},
		{Kind: "bisect", Text: "batch of 200 records refused as a whole; halved down to 1 record"},
		{Kind: "note", Text: "page behind 884000: grade \"AAAA\" is none of the document's (31 times)"},
		{Kind: "retry", Text: "batch of 1000 records: no answer within 30s; trying again in 1s"},
	} {
		e.RunID, e.At = id, at.Add(time.Duration(7+i*23)*time.Second)
		w.must(w.store.AddEvent(context.Background(), e))
	}
	return id
}

// pause pauses a job by its menu, with the reason typed in while the page goes on.
func (b *browser) pause(t *testing.T) {
	b.open("/")
	b.until(`document.getElementById('live').dataset.on === 'yes'`)
	b.click(`#job-affairs summary`)
	b.act(chromedp.SendKeys(chromedp.CSS(`#job-affairs input[name=why]`), "the partner moves its servers"))
	w := b.world
	w.setRunning(w.gradesAt(500_000)) // what others do goes on beside an open menu, and takes nothing away
	b.until(`document.querySelector('#gauge-grades progress').value === 500000`)
	if got := evaluate[string](b, `document.querySelector('#job-affairs input[name=why]').value`); got != "the partner moves its servers" {
		t.Fatalf("the reason is %q after an update", got)
	}
	b.click(`#job-affairs button[value=pause]`)
	b.until(`document.querySelector('#note') && document.querySelector('#job-affairs .state').textContent.includes('paused')`)
	paused, err := w.store.Paused(t.Context())
	if p := paused["affairs"]; err != nil || p.Why != "the partner moves its servers" || !strings.HasPrefix(p.Who, "page (127.0.0.1") {
		t.Errorf("paused: %+v %v", p, err)
	}
	b.click(`#job-affairs summary`)
	b.click(`#job-affairs button[value=resume]`)
	b.until(`!document.querySelector('#job-affairs .state').textContent.includes('paused')`)
	w.setRunning(w.gradesAt(412_300))
}

// keyboard walks to a menu, opens and shuts it without a mouse.
func (b *browser) keyboard() {
	b.open("/")
	b.act(chromedp.KeyEvent(kb.Tab))
	b.until(`document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().top >= 0`)
	b.act(chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.id === 'main'`)
	b.act(chromedp.Focus(chromedp.CSS(`#job-affairs summary`)), chromedp.KeyEvent(kb.Tab))
	b.act(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8))) // back, with shift
	b.until(`document.activeElement.matches('#job-affairs summary') && getComputedStyle(document.activeElement).outlineStyle === 'solid'`)
	b.act(chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector('#job-affairs details').open`)
	b.act(chromedp.KeyEvent(kb.Tab))
	b.until(`document.activeElement.name === 'why'`)
	b.act(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector('#job-affairs details').open && document.activeElement.matches('#job-affairs summary')`)
}

// contrast fails for words that stand out too little: WCAG AA wants 4.5 to 1.
func (b *browser) contrast(t *testing.T) {
	t.Helper()
	if poor := evaluate[string](b, contrastScript); poor != "" {
		t.Errorf("too little contrast:\n%s", poor)
	}
}

const contrastScript = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => { const f = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
	const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > .9) return c; } return [255, 255, 255]; };
	const poor = new Set();
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility() || e.closest('.hidden, .skip, details:not([open])')) continue;
		const a = light(parse(getComputedStyle(e).color)), z = light(ground(e));
		const ratio = (Math.max(a, z) + .05) / (Math.min(a, z) + .05);
		if (ratio < 4.5) poor.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ' ' + e.textContent.trim().slice(0, 40));
	}
	return [...poor].slice(0, 12).join('\n');
})()`
