package sandbox

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxAffairs is the largest number of records a call may carry.
const MaxAffairs = 2000

const busipushPath = "/openplatform/open/busipush.action"

// BusipushOptions says how the stand-in of 晋来办 answers. The zero value is the usual one.
type BusipushOptions struct {
	// Status names the answer's code "status", as the document's table does, instead of "state", as its sample does.
	Status bool
	// Numbers writes the code as a number instead of a string.
	Numbers bool
	// Poison are ids that make a whole batch fail with 300.
	Poison []string
	// Keep keeps the records themselves, for [Busipush.Affair]; otherwise only a count per id is kept.
	Keep bool
	// AppCode, ModuleCode and AppSecret are the credentials; test ones when empty.
	AppCode, ModuleCode, AppSecret string
}

// Busipush is the stand-in of 晋来办. It is safe for concurrent use. Ids are told apart by a 64-bit hash, so that a
// million of them cost some 40 MB; that two of them share a hash is not to be expected below a hundred million.
type Busipush struct {
	opts   BusipushOptions
	nonces nonces
	seed   maphash.Seed
	pool   sync.Pool

	mu     sync.Mutex
	counts map[uint64]uint16
	kept   map[string]Affair
	poison map[string]bool
	stats  BusipushStats
}

// BusipushStats counts since the start: calls, those accepted and refused, records accepted, and among these the ones
// whose id was there already.
type BusipushStats struct{ Calls, Accepted, Refused, Records, Duplicates int64 }

// NewBusipush returns the stand-in.
func NewBusipush(o BusipushOptions) *Busipush {
	o.AppCode = or(o.AppCode, "sandbox-appcode")
	o.ModuleCode = or(o.ModuleCode, "sandbox-modulecode")
	o.AppSecret = or(o.AppSecret, "sandbox-appsecret")
	b := &Busipush{opts: o, seed: maphash.MakeSeed(), counts: map[uint64]uint16{}, kept: map[string]Affair{}}
	b.pool.New = func() any { return new(pushCall) }
	b.Poison(o.Poison...)
	return b
}

// Settings are the settings of a connection of type busipush to this stand-in at url.
func (b *Busipush) Settings(url string) map[string]string {
	return map[string]string{
		"url": url, "appcode": b.opts.AppCode, "modulecode": b.opts.ModuleCode, "appsecret": b.opts.AppSecret,
	}
}

// Poison replaces the ids that make a whole batch fail with 300; none heals all.
func (b *Busipush) Poison(ids ...string) {
	poison := make(map[string]bool, len(ids))
	for _, id := range ids {
		poison[id] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.poison = poison
}

// Records is the number of different ids held.
func (b *Busipush) Records() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.counts)
}

// Received is how often a record with this id was accepted; it stops counting at 65535.
func (b *Busipush) Received(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.counts[maphash.String(b.seed, id)])
}

// Affair returns the last record accepted with this id. It needs the option Keep.
func (b *Busipush) Affair(id string) (Affair, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.kept[id]
	return a, ok
}

// Describe says what the stand-in holds and has done, on one line.
func (b *Busipush) Describe() string {
	s := b.Stats()
	return fmt.Sprintf("%d ids held; %d calls, %d accepted, %d refused; %d records accepted, %d of them again",
		b.Records(), s.Calls, s.Accepted, s.Refused, s.Records, s.Duplicates)
}

// Stats returns the counts so far.
func (b *Busipush) Stats() BusipushStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// pushCall is the memory of one call, used again by the next.
type pushCall struct {
	body   bytes.Buffer
	pairs  []pair
	hashes []uint64
	kept   []Affair
	poison bool
}

// pushRefusal is why a call is refused.
type pushRefusal struct{ code, msg string }

func (e *pushRefusal) Error() string { return e.code + " " + e.msg }

func invalid(format string, args ...any) error {
	return &pushRefusal{"300", "异常: " + fmt.Sprintf(format, args...)}
}

func forbidden(what string) error {
	return &pushRefusal{"302", "接口没有权限,请与管理员联系: " + what}
}

// ServeHTTP answers a push; the path ends in /openplatform/open/busipush.action and the query has generate.
func (b *Busipush) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, busipushPath) || !r.URL.Query().Has("generate") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	call := b.pool.Get().(*pushCall)
	defer b.pool.Put(call)
	err := b.push(w, r, call)
	b.settle(call, err)
	if no := (*pushRefusal)(nil); errors.As(err, &no) {
		b.answer(w, no.code, no.msg)
		return
	}
	b.answer(w, "200", "提交成功")
}

// push reads and checks a call; nil means that everything in it may be stored.
func (b *Busipush) push(w http.ResponseWriter, r *http.Request, call *pushCall) error {
	call.body.Reset()
	call.pairs, call.hashes, call.kept, call.poison = call.pairs[:0], call.hashes[:0], call.kept[:0], false
	body := http.MaxBytesReader(w, r.Body, 32<<20)
	if _, err := call.body.ReadFrom(body); err != nil {
		_, _ = io.Copy(io.Discard, body)
		return invalid("报文读取失败: %v", err)
	}
	if kind, p, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != formType ||
		p["charset"] != "" && !strings.EqualFold(p["charset"], "UTF-8") {
		return invalid("Content-Type 须为 %s; charset=UTF-8", formType)
	}
	pairs, err := parseForm(call.pairs, call.body.Bytes())
	if err != nil {
		return invalid("表单格式错误: %v", err)
	}
	if pairs, err = parseForm(pairs, []byte(r.URL.RawQuery)); err != nil {
		return invalid("URL参数格式错误: %v", err)
	}
	call.pairs = pairs
	if err := b.authorise(call); err != nil {
		return err
	}
	return b.read(call)
}

func (c *pushCall) value(key string) []byte {
	for _, p := range c.pairs {
		if string(p.key) == key {
			return p.value
		}
	}
	return nil
}

// authorise checks what is said about the caller and the call, in the order of the package comment.
func (b *Busipush) authorise(call *pushCall) error {
	for _, key := range [...]string{"appcode", "modulecode", "timestamp", "nonce", "sign", "data"} {
		if len(call.value(key)) == 0 {
			return invalid("缺少参数 %s", key)
		}
	}
	if string(call.value("appcode")) != b.opts.AppCode || string(call.value("modulecode")) != b.opts.ModuleCode {
		return forbidden("appcode 或 modulecode 错误")
	}
	if subtle.ConstantTimeCompare(call.value("sign"), signPairs(call.pairs, b.opts.AppSecret)) != 1 {
		return forbidden("签名错误")
	}
	now, stamp, nonce := time.Now(), string(call.value("timestamp")), string(call.value("nonce"))
	if !fresh(stamp, now) {
		return invalid("timestamp 须为Unix秒且与服务器时间相差不超过%d分钟", int(clockTolerance.Minutes()))
	}
	if len(nonce) > 64 || !b.nonces.use(nonce, now) {
		return invalid("nonce 重复或超过64位")
	}
	return nil
}

// signPairs is the signature of a call: every parameter but sign and data whose value is not empty, as k=v, the pairs
// (not the keys) in ascending order of bytes, joined by &, the secret appended bare, MD5 in lower hex.
func signPairs(pairs []pair, secret string) []byte {
	lines := make([]string, 0, len(pairs))
	for _, p := range pairs {
		if k := string(p.key); k != "sign" && k != "data" && len(p.value) > 0 {
			lines = append(lines, k+"="+string(p.value))
		}
	}
	slices.Sort(lines)
	sum := md5.Sum([]byte(strings.Join(lines, "&") + secret))
	return []byte(hex.EncodeToString(sum[:]))
}

// read checks the records of a call and gathers what is to be stored.
func (b *Busipush) read(call *pushCall) error {
	b.mu.Lock()
	poison := b.poison
	b.mu.Unlock()
	n, err := scanAffairs(call.value("data"), func(f *fields) error {
		if err := checkAffair(f); err != nil {
			return err
		}
		call.poison = call.poison || len(poison) > 0 && poison[string(f[0])]
		call.hashes = append(call.hashes, maphash.Bytes(b.seed, f[0]))
		if b.opts.Keep {
			call.kept = append(call.kept, f.affair())
		}
		return nil
	})
	switch {
	case err != nil:
		return invalid("data %v", err)
	case n == 0 || n > MaxAffairs:
		return invalid("data 有%d条记录, 须为1至%d条", n, MaxAffairs)
	case call.poison:
		return invalid("数据处理失败")
	}
	return nil
}

// settle stores an accepted call and counts it.
func (b *Busipush) settle(call *pushCall, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Calls++
	if err != nil {
		b.stats.Refused++
		return
	}
	b.stats.Accepted++
	b.stats.Records += int64(len(call.hashes))
	for _, h := range call.hashes {
		n := b.counts[h]
		if n > 0 {
			b.stats.Duplicates++
		}
		if n < math.MaxUint16 {
			b.counts[h] = n + 1
		}
	}
	for _, a := range call.kept {
		b.kept[a.ID] = a
	}
}

func (b *Busipush) answer(w http.ResponseWriter, code, msg string) {
	field := "state"
	if b.opts.Status {
		field = "status"
	}
	if !b.opts.Numbers {
		code = `"` + code + `"`
	}
	text, _ := json.Marshal(msg)
	writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"%s":%s,"msg":%s}`, field, code, text))
}
