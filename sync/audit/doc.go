// Package audit is what is known of every exchange with a partner, and how it is kept so that nobody can change it
// unseen: one [Row] an exchange, each with a hash over itself and the hash before it.
//
// The rows answer 交换审计 (接入审计, 信息溯源审计) of 商务诚信公共服务平台, where every exchange is recorded, and 甲权利2 of
// 数据接口对接协议: who accessed what, when and for which purpose. They hold no personal data and no secret: of a body there is
// its size and its SHA-256, of a credential a fingerprint.
//
// The chain makes a change inside it visible. What it cannot show by itself is that its end was cut off, or that all of it
// was written anew: for that the newest hash, the [Head], is kept somewhere else and given to [Verify].
package audit
