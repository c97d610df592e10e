// Package exchange pushes records to a partner under the data interface agreement (互联网企业间数据接口对接协议); package
// milkrun/sync/exchange has the wire.
//
// The partner keeps one record a key, so a batch may be sent again. Within a run it carries the same batch_id then, made
// of everything in the request and of a number that is drawn for the run. Without that number a partner that answers an
// id it knows from memory would miss what is new about the same content: a record changed back to what it was, or the
// next full push, which is there to repair what the partner lost. After a crash the records come under another id, and
// the key keeps them single.
package exchange
