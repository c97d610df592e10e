package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/config/near"
	"milkrun/sync/mask"
	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

// keys are what [defaults] and [jobs.NAME] have in common: everything about a job but its source and sink.
type keys struct {
	schedule      string
	location      *time.Location
	jitter        time.Duration
	catchUp       string
	grace         time.Duration
	overlap       string
	timeout       time.Duration
	pageSize      int
	batchSize     int
	concurrency   int
	prefetch      int
	purpose       string
	interfaceName string
	onBad         string
	maxBad        int
	reconcile     time.Duration
	shrink        float64
	retention     time.Duration
	enabled       bool
	retry         Retry
	mask          map[string]mask.Rule
	origin        map[string]origin // where each key that was given stands
	watch         alert.Watch
	maskingTexts  map[string]string // for the documentation only
}

// origin is where a key was given.
type origin struct {
	path string
	at   span
}

func newKeys(loc *time.Location) *keys {
	return &keys{
		schedule: schedule.Manual, location: loc, catchUp: "latest", grace: 24 * time.Hour, overlap: "skip", concurrency: 4, prefetch: 8,
		onBad: "dead-letter", maxBad: 1000, shrink: 0.1, enabled: true,
		retry: Retry{Initial: time.Second, Max: 5 * time.Minute, GiveUpAfter: time.Hour},
		mask:  map[string]mask.Rule{}, origin: map[string]origin{},
	}
}

// copy returns keys that can be changed without changing the ones they are the defaults of.
func (k *keys) copy() *keys {
	c := *k
	c.mask, c.origin = maps.Clone(k.mask), maps.Clone(k.origin)
	return &c
}

// topFields are the keys outside of all tables.
func topFields(c *Config) []setting.Field {
	return []setting.Field{
		zoneField(&c.Location, "the time zone of all jobs that name none", "未单独指定时区的任务所用时区"),
		setting.Bool("watch_config", &c.Watch, "the daemon takes up a changed file by itself, as milkrun reload does",
			"守护进程自动加载修改后的配置文件，等同于 milkrun reload"),
		setting.Duration("history", &c.History, "how long what has ended is kept in the state file (milkrun prune); 0s: for ever",
			"状态文件中已结束内容的保留时长（见 milkrun prune）；0s 为永久保留").WithDefault(`"90d"`),
		catalogueField(&c.Catalogue),
		setting.Duration("audit_history", &c.AuditHistory, "how long every exchange with a partner is kept in the audit; 0s: for ever. "+
			"Three years is what 个人信息保护法 (clause 56) asks of records of processing",
			"交换审计记录的保留时长；0s 为永久保留。默认三年，依《个人信息保护法》第五十六条处理情况记录至少保存三年").WithDefault(`"1096d"`),
	}
}

func (k *keys) fields() []setting.Field {
	fields := []setting.Field{
		setting.Text("schedule", &k.schedule, `when it runs: five cron fields, "@daily", "@every 90m"; "manual": only by hand`,
			`运行时间：五段 cron 表达式、"@daily"、"@every 90m"；"manual"：仅手动运行`),
		zoneField(&k.location, "the time zone of the schedule, and of times that have none", "计划及无时区时间所用的时区").
			WithDefault(""),
		setting.Duration("jitter", &k.jitter, "a run starts up to this much after its slot; the same for the same slot",
			"在计划时刻之后随机推迟的上限；同一时刻每次相同"),
		setting.Choice("catch_up", &k.catchUp, []string{"none", "latest", "all"},
			"which slots missed while the daemon was down are made up", "停机期间错过的计划时刻补跑哪些：不补、最近一次、全部"),
		setting.Duration("grace", &k.grace, "a slot missed for longer than this is not made up", "错过超过此时长的不再补跑"),
		setting.Choice("overlap", &k.overlap, []string{"skip", "queue"},
			"what becomes of a slot while the job still runs", "上次运行未结束时到点：跳过或排队"),
		setting.Duration("timeout", &k.timeout, "a run that takes longer is ended; 0s: no limit", "单次运行的时限；0s 为不限").
			WithDefault(`"0s"`),
		setting.Int("page_size", &k.pageSize, "rows a page of the source; left out: what its kind says, at most batch_size", "来源每页行数；省略时由类型决定，且不超过 batch_size").
			Between(1, 1_000_000, ""),
		setting.Int("batch_size", &k.batchSize, "records a batch of the sink; left out: what its kind says", "目标每批记录数；省略时由类型决定").
			Between(1, 1_000_000, ""),
		setting.Int("concurrency", &k.concurrency, "batches under way to the sink at once", "同时发往目标的批次数").Between(1, 16, ""),
		setting.Int("prefetch", &k.prefetch, "pages fetched ahead; 0: none", "提前拉取的页数；0 为不提前").Between(0, 32, ""),
		interfaceField(&k.interfaceName),
		setting.Text("purpose", &k.purpose, "what the exchange is for, as agreed; in every line of the audit", "协议约定的数据用途，写入每条审计记录"),
		setting.Choice("on_bad_record", &k.onBad, []string{"dead-letter", "halt"},
			"what becomes of a record that is refused", "被拒绝的记录：进入死信表或停止任务"),
		setting.Int("max_bad", &k.maxBad, "a run with more dead letters than this halts its job", "单次运行死信上限，超过则挂起任务").
			Between(0, math.MaxInt32, ""),
		setting.Duration("reconcile", &k.reconcile, "a run reads everything when the last one that did is older; 0s: never",
			"距上次全量运行超过此时长则全量对账；0s 为从不").WithDefault(`"0s"`),
		setting.Duration("retention", &k.retention,
			"records delivered longer ago than this are deleted from the table of the sink, those alone that milkrun wrote for the job; 0s: never",
			"目标表中由本任务写入、且超过此时长未再写入的记录将被删除；0s 为不删除").WithDefault(`"0s"`),
		setting.Custom("shrink_limit", "percent", `"10%"`, k.setShrink,
			"the share of the records a complete reading may delete at once", "一次全量更新最多可删除的记录比例"),
		setting.Bool("enabled", &k.enabled, "false: the job is checked, and the daemon never runs it; milkrun once still does",
			"false：只检查，守护进程不运行；milkrun once 仍可手动运行"),
	}
	return append(fields, k.watch.Fields()...)
}

// retryFields are the keys of retry = { … }.
func (k *keys) retryFields() []setting.Field {
	return []setting.Field{
		setting.Duration("initial", &k.retry.Initial, "the first wait before a failed call is tried again", "首次重试前的等待"),
		setting.Duration("max", &k.retry.Max, "the longest wait", "最长等待"),
		setting.Duration("give_up_after", &k.retry.GiveUpAfter, "the run fails when a call has failed for this long", "持续失败超过此时长则本次运行失败"),
	}
}

// maskField is mask = { … }, for the documentation; it is read by readMask, which knows the place of each column.
func (k *keys) maskField() setting.Field {
	return setting.TextMap("mask", &k.maskingTexts, "columns that leave masked, each with its rule: "+strings.Join(mask.Names(), ", "),
		"需脱敏的列及其规则："+strings.Join(mask.Names(), "、"))
}

func zoneField(to **time.Location, en, zh string) setting.Field {
	return setting.Custom("timezone", "time zone", `"UTC"`, func(s string) error { return zone(s, to) }, en, zh)
}

func (k *keys) setShrink(text string) error {
	digits, ok := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(share >= 0 && share <= 100) {
		return fmt.Errorf("%q is no share; write for example \"10%%\", at most \"100%%\"", text)
	}
	k.shrink = share / 100
	return nil
}

// readKeys reads the engine's keys out of [defaults] or [jobs.NAME].
func (r *reader) readKeys(b block, k *keys, specials special) {
	all := special{
		"retry": func(path string, e *entry) { r.readRetry(path, e, k) },
		"mask":  func(path string, e *entry) { r.readMask(path, e, k) },
	}
	maps.Copy(all, specials)
	f := r.fill(b, k.fields(), nil, all)
	for name := range f.given {
		k.origin[name] = origin{b.sub(name), b.table.find(name).at}
	}
	for name, bad := range f.wrong {
		if bad {
			delete(k.origin, name)
		}
	}
}

func (r *reader) readRetry(path string, e *entry, k *keys) {
	t, ok := r.table(path, e, `retry = { initial = "1s", max = "5m", give_up_after = "1h" }`)
	if !ok {
		return
	}
	f := r.fill(block{path, t}, k.retryFields(), nil, nil)
	for name, d := range map[string]time.Duration{"initial": k.retry.Initial, "max": k.retry.Max, "give_up_after": k.retry.GiveUpAfter} {
		if d <= 0 && f.given[name] && !f.wrong[name] {
			r.report(Error, t.find(name).at, f.sub(name), "a wait must be longer than nothing", `write for example "1s"`)
		}
	}
	if k.retry.Max < k.retry.Initial && !f.wrong["max"] && !f.wrong["initial"] {
		r.report(Error, e.key, path, fmt.Sprintf("max (%s) is shorter than initial (%s)", setting.FormatDuration(k.retry.Max),
			setting.FormatDuration(k.retry.Initial)), "set max to at least initial")
	}
}

func (r *reader) readMask(path string, e *entry, k *keys) {
	t, ok := r.table(path, e, `mask = { phone = "phone" }`)
	if !ok {
		return
	}
	for _, col := range t.entries {
		col.visible = true
		text, _ := col.value.(string)
		rule, err := mask.Parse(text)
		if err != nil {
			r.report(Error, col.at, block{path, t}.sub(col.name), fmt.Sprintf("%s is no mask rule", r.shown(col.at)), suggest(text, mask.Names()))
			continue
		}
		k.mask[col.name] = rule
		k.origin["mask."+col.name] = origin{block{path, t}.sub(col.name), col.at}
	}
}

// table returns the table that a key must hold.
func (r *reader) table(path string, e *entry, example string) (*table, bool) {
	t, ok := e.value.(*table)
	if !ok {
		r.report(Error, e.at, path, "a table is wanted here", "write "+example)
	}
	return t, ok
}

// suggest says which of a few words was probably meant, else names them all.
func suggest(word string, known []string) string {
	if meant := near.Near(word, known); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	if len(known) == 0 {
		return "there are none"
	}
	return "known are " + strings.Join(known, ", ")
}

// elsewhere says what to do about a key that a block does not have.
func (r *reader) elsewhere(b block, key string, known []string) string {
	if near.Near(key, known) == "" && strings.Count(b.path, ".") == 2 && slices.Contains(engineKeys(), key) {
		job, _, _ := cutLast(b.path)
		return "it belongs one level up, into [" + job + "]"
	}
	return suggest(key, known)
}

func engineKeys() []string {
	return append(keyNames(newKeys(time.UTC).fields()), "retry", "mask")
}

func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}
