// Package exchange pulls records from a partner under the data interface agreement (互联网企业间数据接口对接协议), by page
// number or by cursor; package milkrun/sync/exchange has the wire.
//
// By page number the source is an enumeration: read from the beginning every time, pages fetched ahead. By cursor it goes
// on where it stopped.
//
// A value keeps what the partner wrote: whole numbers that fit are int64, all other numbers travel as their decimal text,
// objects and lists as compact JSON text, and texts as they are unless dates names their column. A record that cannot be
// taken so is rejected alone; a page that is not what was agreed is refused as a whole.
package exchange
