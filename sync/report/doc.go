// Package report makes the report on one month that is handed to a partner (甲义务1 of 数据接口对接协议: data-quality monitoring
// with periodic checks; 商务诚信公共服务平台: monthly at least, on update frequency, format, completeness and accuracy; 乙权利1: the
// figures a receiver may hold us to).
//
// Everything in it is counted from the state file: slots and runs, dead letters, incidents, timeliness, and the exchanges of
// the audit. [Make] counts, [Report.HTML] and [Report.CSV] show. The figures of the sections add up: each job is in one line,
// and what was read is in one of delivered, rejected, duplicate or unsettled.
//
// Charts are drawn by go-analyze/charts as SVG, with numbers only: it measures text with a Latin font, so legends and
// headings, which may be Chinese, are HTML. The page is one file that fetches nothing.
package report
