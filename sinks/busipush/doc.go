// Package busipush delivers user affairs to 晋来办 (业务数据推送接口): signed form posts of at most 2000 records.
//
// The interface keeps one record an id, so a batch may be sent again; every attempt carries a fresh timestamp and nonce
// and is signed anew. A call is all or nothing, the answer names no record (D7). The letters D1 … D7 stand for places at
// which the document contradicts itself or is silent:
//
//	D1 the nonce is a UUID, as the document's code has it; ten digits, as its text has it, are a setting
//	D2 the answer's code stands in "state" (sample) or "status" (table); both with different values, or neither, is no answer
//	D3 create_date has the hour from 00 to 23, as the sample shows, though the text says hh
//	D4 the address ends in "?generate" as printed; whether it is signed (as "generate=") is a setting
//	D5 data is not signed: only TLS protects it, so http:// is refused beyond loopback
//	D6 parameters with an empty value are not signed
//	D7 300 does not say which record is to blame: the engine halves the batch to find it
//
// Two records of one batch with the same id: identical ones are sent once. Of different ones the last, the newer state,
// is sent, and the others are rejected with the code "id", so that each of them is found in the dead-letter table. They
// are not sent, because nothing says in which order the platform stores the records of one call.
package busipush
