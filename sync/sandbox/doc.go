// Package sandbox holds stand-ins for the partners (联调): they check what the real ones would check, hold as many
// records as the real ones, and fail on request. Each is a plain [http.Handler], so the same code serves tests without a
// network (see [Transport]) and operators on a loopback port (see [Start]). Test data only: every name, phone and code is
// generated, and the company names say 测试.
//
// # Credit: 商务诚信公共服务平台
//
// POST {base}/getEnterpriseGrades and {base}/getEnterpriseGrade with a JSON or a form body: accessid, username, pwd, and
// pageno (default 1) with pagesize (1 to 1000, A.3 of the document; default 1000), or uniscId. The answer is
// {msg, result, data}; what the document leaves open is decided thus: a refused call is HTTP 200 with result 0, a body
// that cannot be read HTTP 400, a page behind the end an empty companyList with result 1.
//
// POST {base}/getPublicResourcesTrading: uniscId and licenseID, none to three records, code and name in the first one only.
// The licence is the licenseID that POST {base}/uploadAuthorization (uniscId, file in base64 or as multipart/form-data, fileName) returns.
//
// The account: getPublicKey (accessid) returns publicKey (PEM) and keyId; getToken (accessid, username, pwd) returns token and expiresIn
// in seconds; updatePassword takes oldPwd and newPwd, of at least 8 characters, and ends all tokens. A token, in the header
// Authorization (also as Bearer) or token or as parameter token, takes the place of pwd. A password may come in clear, as the hex of
// its MD5 or SM3, or encrypted with the public key. With an envelope ([CreditOptions], [Credit.Speak]) the queries and the
// upload are sealed both ways as its profile says; the account's operations are not.
//
// # Busipush: 晋来办
//
// POST {base}/openplatform/open/busipush.action?generate with a form body. Checked, in this order: content type, required
// parameters, appcode and modulecode, signature, timestamp (ten minutes either way), nonce (not used in the last 24
// hours), data (1 to 2000 records of exactly the seven fields, all strings, create_date yyyy-MM-dd HH:mm:ss), poison ids.
// Wrong credentials and signatures are 302, everything else that is refused is 300, and a refused call stores nothing.
//
// # Exchange: 数据接口对接协议
//
// The agreement fixes the duties of both sides and leaves the wire open. This is the wire, version "1".
//
// Push: POST {url}/{resource}, Content-Type application/json, UTF-8:
//
//	{"interface": resource, "version": "1", "purpose": "...", "batch_id": "...", "mode": "incremental" or "full",
//	 "count": n, "records": [{...}, ...]}
//
// purpose and batch_id are not empty, count is the number of records. Records are kept by key (the last one wins).
// The same batch_id with the same body gets the first answer again; with another body it is code 409. The answer:
//
//	{"code": 0, "message": "ok", "accepted": n, "rejected": [{"index": i, "code": "...", "reason": "..."}]}
//
// accepted counts the records kept, rejected names the ones that never will be, by their place from 0. Any code but 0 is
// an error and nothing of the batch is kept: 400 malformed, 401 not authorised (also the HTTP status), 409 batch_id used
// for something else, 404 no such resource (also the HTTP status), 500 busy.
//
// Pull by page: POST {url}/{resource}/query {"page": 1, "page_size": 500}, page from 1, page_size 1 to 1000:
//
//	{"code": 0, "message": "ok", "total": n, "records": [...]}
//
// Pull by cursor: POST {url}/{resource}/query {"cursor": "", "limit": 500}; the empty cursor is the beginning, any other
// one is next_cursor of the answer before, to be sent back as it came:
//
//	{"code": 0, "message": "ok", "records": [...], "next_cursor": "...", "has_more": true}
//
// Every call is authorised by Authorization: Bearer <token>, or by
//
//	Authorization: HMAC-SHA256 key=<id>, timestamp=<unix seconds>, nonce=<hex>, signature=<lower hex>
//
// where signature is HMAC-SHA256(secret, METHOD "\n" path "\n" timestamp "\n" nonce "\n" digest), path is the path of
// the URL as sent (percent-encoded, without the query), and digest is the lower-hex SHA-256 of the body. The timestamp may be ten minutes
// off either way; a nonce (8 to 64 hex digits) is accepted once in 24 hours.
//
// # Coupang: Coupang Open API
//
// GET {base}/v2/providers/… for all streams of the ten categories, and the same at the root of the sandbox, since clients sign the
// path they send: a signature over the path on the wire is taken, and one without the sandbox's prefix. Checked, in this order:
// the Authorization header (", " and "," between its fields), the access key, the signature over the exact bytes, its age, 10 calls
// a second (50 a minute for Rocket Growth), vendor and version in the path, windows, statuses and page sizes.
//
// # Caih: 东信 云消息
//
// POST {base}/sendsms and {base}/varsms with a JSON body. Checked, in this order: JSON, account, password and appId with a
// timestamp of at most 50 minutes, the signature at the front, sendtime, extend, uid and batchid, the number of messages
// (1000), each message. Groups of varsms that cannot be read are filtered and not mentioned. Everything is HTTP 200 with a
// code; a call that is refused sends nothing, and the same call again sends again. {base}/reports is the stand-in's own: GET
// and POST {"to": address, "delay_ms": n, "fail": [numbers], "twice": bool} say where status reports are pushed.
package sandbox
