// Package caih sends short messages through 中国东信 云消息: the same text to many numbers (sendsms), or a text with variables
// (varsms), in calls of at most 1000 numbers.
//
// Sending twice is harm, and the interface knows no idempotency: uid is only echoed. So the sink is a [feed.Opaque]: every
// call carries the engine's id of the batch as uid, an outcome that nobody knows leaves the batch in doubt, and the status
// reports of the partner, which name uid and msgid, can settle it. The letters F1 … F8 stand for places at which the document
// contradicts itself or is silent:
//
//	F1 its sample of a failure has the code -2 with the text 鉴权失败: the code counts, but -2 with that text is judged as -5
//	F2 a signature has 2 to 12 characters in the interface, 2 to 8 in the rules for auditing: 9 to 12 are warned about
//	F3 the sample number has 10 digits: such a number is rejected
//	F4 one password appears with two timestamps: the samples are no test vectors
//	F6 the column that says which fields are required is empty: the fields of its samples are sent
//	F7 the address is http although credentials travel in it: https is asked for, unless allow_http says otherwise
//	F8 the 500 characters include 【signature】 and the values of the variables
//
// params has no escaping, and the partner silently filters groups that it cannot read: values with "," ";" "【" "】" or a
// line break are rejected before anything is sent; fullwidth puts the full-width "，" and "；" in their place instead.
//
// Equal messages to one number in a call are sent once. Different ones are all sent.
//
// No number is kept: the state file gets a digest under a key made of the token, and a masked text. When the token is
// changed, reports about messages that were sent before are kept as orphans, and still settle doubts by uid and msgid.
package caih
