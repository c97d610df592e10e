package report

import (
	"fmt"

	"milkrun/sync/words"
)

// pair is something the report says, in both languages. With a bar in the English one, what stands before it is for one.
type pair struct{ en, zh string }

var phrases = map[string]pair{
	"title":      {"Data exchange report", "数据交换月报"},
	"title.of":   {"Data exchange report, %s", "数据交换月报（%s）"},
	"month":      {"%s", "%s"},
	"unfinished": {"The month is not over: the figures go up to %s.", "本月尚未结束：数据截至 %s。"},
	"parties":    {"Parties", "交换双方"},
	"us":         {"this organisation", "我方"},
	"known":      {"%s (%s)", "%s（%s）"},
	"and":        {", ", "、"},
	"all":        {"all partners", "全部对接方"},
	"period":     {"Period", "统计区间"},
	"purpose":    {"Purpose", "数据用途"},
	"none":       {"not stated", "未注明"},
	"made":       {"Made at", "生成时间"},
	"zone":       {"Time zone", "时区"},
	"head":       {"Audit chain at that moment", "审计链末端（生成时）"},
	"head.note":  {"milkrun audit verify --head proves that no exchange up to it was changed later", "用 milkrun audit verify --head 可验证此前的交换记录未被改动"},
	"head.none":  {"no exchange yet", "尚无交换记录"},
	"summary":    {"Summary", "概要"},

	"s.slots":      {"%s of %s promised exchanges were done (%s); %s of them late.", "应执行 %[2]s 次，已完成 %[1]s 次（%[3]s），其中逾期 %[4]s 次。"},
	"s.noslots":    {"No exchange was promised by a schedule.", "本期没有按计划应执行的交换。"},
	"s.notdone":    {"Not done: failed %s, without a run %s, under way %s.", "未完成：失败 %s 次，未执行 %s 次，进行中 %s 次。"},
	"s.records":    {"Records pulled: %s, pushed: %s; refusals: %s, repeats that were not sent again: %s, not settled: %s.", "读取 %s 条，送达 %s 条；拒绝 %s 条次，重复读取而未再送 %s 条，未结 %s 条。"},
	"s.mended":     {"Readings during which rows moved: %s. Pages read again because of that: %s; records found by it: %s.", "%s 次读取期间数据发生漂移；重读 %s 页，由此补回 %s 条。"},
	"s.complete":   {"Of %s records that partners stated, %s were taken (%s).", "对方声明 %s 条，实收 %s 条（完整率 %s）。"},
	"s.calls":      {"Requests: %s, of which failed: %s; tries repeated: %s.", "发起请求 %s 次，失败 %s 次；重试 %s 次。"},
	"s.incidents":  {"Incidents: %s. The longest lasted %s.", "故障 %s 起，最长持续 %s。"},
	"s.noincident": {"No incident.", "无故障。"},
	"s.quiet":      {"Nothing was exchanged.", "本期没有数据交换。"},

	"removed":           {"Not everything of this month is there any more: runs, slots and dead letters were removed from the history. Figures count what is kept.", "本月部分运行、计划时刻与死信记录已按保留期清理，以下数据仅统计仍保留的部分。"},
	"removed.before":    {"What ended before %s has been removed.", "%s 之前结束的记录已清理。"},
	"removed.exchanges": {"Exchanges of this month were removed from the audit; requests and volume count what is kept.", "本月部分交换审计记录已清理，请求数与流量仅统计仍保留的部分。"},
	"gone":              {"removed", "已清理"},

	"h.partners":   {"By partner and interface", "分对接方与接口"},
	"h.slots":      {"Promised and done", "应执行与已完成"},
	"h.quality":    {"Completeness and accuracy", "完整性与准确性"},
	"h.reasons":    {"Rejected, by reason", "拒绝原因"},
	"h.days":       {"By day", "按日统计"},
	"h.traffic":    {"Requests, quota and volume", "请求、配额与流量"},
	"h.timeliness": {"Timeliness", "及时性"},
	"h.incidents":  {"Incidents", "故障"},
	"h.terms":      {"How the figures are counted", "口径说明"},

	"c.records": {"Records a day", "每日记录数"},
	"c.slots":   {"Promised exchanges a day", "每日应执行次数"},
	"c.calls":   {"Requests a day", "每日请求数"},
	"c.reasons": {"Rejected records by reason", "各原因拒绝记录数"},

	"partner":      {"Partner", "对接方"},
	"job":          {"Job", "任务"},
	"from":         {"From", "来源"},
	"to":           {"To", "目标"},
	"total":        {"Total", "合计"},
	"day":          {"Day", "日期"},
	"runs":         {"Runs", "运行"},
	"failedruns":   {"Failed runs", "失败运行"},
	"read":         {"Pulled", "拉取"},
	"delivered":    {"Pushed", "送达"},
	"rejected":     {"Rejected", "拒绝"},
	"duplicates":   {"Repeats", "重复读取"},
	"unsettled":    {"Not settled", "未结"},
	"mended":       {"Mended", "漂移补回"},
	"retries":      {"Retries", "重试"},
	"stated":       {"Stated", "对方声明"},
	"taken":        {"Taken", "实收"},
	"complete":     {"Complete", "完整率"},
	"drifts":       {"Drifts", "漂移次数"},
	"reread":       {"Pages read again", "重读页"},
	"promised":     {"Promised", "应执行"},
	"done":         {"Done", "完成"},
	"ontime":       {"On time", "按时"},
	"late":         {"Late", "逾期"},
	"timed":        {"With a lag", "可计时延"},
	"failed":       {"Failed", "失败"},
	"missed":       {"No run", "未执行"},
	"pending":      {"Under way", "进行中"},
	"unknown":      {"Removed", "已清理"},
	"kept":         {"Kept", "履约率"},
	"reason":       {"Reason", "原因"},
	"records":      {"Records", "记录"},
	"open":         {"Still refused", "仍被拒绝"},
	"again":        {"refused again (counted above when it came up first)", "再次拒绝（首次出现时已计）"},
	"connection":   {"Connection", "连接"},
	"calls":        {"Requests", "请求"},
	"failcalls":    {"Failed", "失败"},
	"success":      {"Available", "可用率"},
	"received":     {"Received", "接收"},
	"sent":         {"Sent", "发送"},
	"median":       {"Median", "中位数"},
	"p95":          {"95 %", "95 分位"},
	"max":          {"Longest", "最长"},
	"most":         {"Most a day", "单日最多"},
	"allowed":      {"Allowed a day", "单日上限"},
	"used":         {"Used", "配额使用"},
	"norate":       {"no limit", "不限"},
	"interface":    {"Interface", "接口"},
	"since":        {"Since", "开始"},
	"ended":        {"Until", "结束"},
	"lasts":        {"still", "持续中"},
	"lasted":       {"Lasted", "时长"},
	"kind":         {"What", "类型"},
	"code":         {"Code", "代码"},
	"impact":       {"Records waiting", "影响记录"},
	"in":           {"%s (%s)", "%s（%s）"},
	"unit.ms":      {"ms", "毫秒"},
	"unit.bytes":   {"bytes", "字节"},
	"unit.percent": {"%", "%"},
	"nothing":      {"Nothing.", "无。"},

	"broken":          {"%s: %s", "%s：%s"},
	"rule.required":   {"missing", "缺失"},
	"rule.type":       {"another type", "类型不符"},
	"rule.min":        {"below the least value", "小于最小值"},
	"rule.max":        {"above the greatest value", "大于最大值"},
	"rule.min_length": {"too short", "长度不足"},
	"rule.max_length": {"too long", "超长"},
	"rule.enum":       {"none of the agreed values", "不在约定取值内"},
	"rule.pattern":    {"not of the agreed form", "格式不符"},
	"rule.masked":     {"not masked", "未脱敏"},
	"rule.never":      {"must not be exchanged", "不得传输"},

	"kind.failed": {"failed", "失败"},
	"kind.halted": {"halted", "挂起"},
	"kind.late":   {"late", "逾期"},
	"kind.stale":  {"nothing succeeded", "长期未成功"},

	"t.slots": {"Promised: every time the schedule made an exchange due. On time: done before done_by where one is agreed. Late: done behind it, or made up for after it had been missed. No run: skipped, paused, halted or missed.",
		"应执行：按计划到点的每一次。按时：在约定的 done_by 之前完成（未约定则完成即按时）。逾期：晚于约定时间，或错过后补跑。未执行：跳过、暂停、挂起或错过。"},
	"t.sum": {"Every record is accounted for: pulled + mended = pushed + rejected + repeats + not settled. Not settled are those of runs that did not come to their end; a later run reads them again.",
		"每条记录均有去向：拉取 + 漂移补回 = 送达 + 拒绝 + 重复读取 + 未结。未结为未跑完的运行已读取的记录，后续运行会重新读取。"},
	"t.rejected": {"A record that is refused every night counts every night; the reasons count it once, when it came up, and the rest as refused again.",
		"同一记录每次被拒绝均计入拒绝条次；原因表中首次出现计一次，其余计入再次拒绝。"},
	"t.complete": {"Complete: of the records the partner stated in complete readings, those that were delivered, rejected with a reason, or seen twice.",
		"完整率：全量读取时对方声明的记录中，已送达、已拒绝（有原因）或重复读取的占比。"},
	"t.lag": {"With a lag: records whose own time is known and that were new; on time, late and the lags are about those.",
		"可计时延：自身时间已知且为新增的记录；按时、逾期与时延仅就这些记录统计。"},
	"t.calls": {"Available: requests that were answered and accepted. Volume is that of the bodies that carried data.",
		"可用率：得到应答且被接受的请求占比。流量为承载数据的报文正文。"},
}

// phrase is what the report says in the report's language.
func (r *Report) phrase(key string, args ...any) string {
	p, found := phrases[key]
	if !found {
		return key // a test finds it
	}
	text := p.en
	if r.lang == words.Chinese {
		text = p.zh
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}
