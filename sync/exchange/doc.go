// Package exchange is what the source and the sink of type exchange share: the connection, its two ways to authorise, the
// envelope of the answers, agreed date formats, and a reader of JSON that is known to be valid.
//
// The agreement (互联网企业间数据接口对接协议) fixes the duties of both sides and leaves the wire to them. This is the wire,
// version "1". A push is POST {url}/{resource}:
//
//	{"interface": resource, "version": "1", "purpose": "...", "batch_id": "...", "mode": "incremental" or "full",
//	 "count": n, "records": [{...}, ...]}
//	→ {"code": 0, "message": "ok", "accepted": n, "rejected": [{"index": i, "code": "...", "reason": "..."}]}
//
// and a pull is POST {url}/{resource}/query, by page or by cursor:
//
//	{"page": 1, "page_size": 500}   → {"code": 0, "message": "ok", "total": n, "records": [...]}
//	{"cursor": "", "limit": 500}    → {"code": 0, "message": "ok", "records": [...], "next_cursor": "...", "has_more": true}
package exchange
