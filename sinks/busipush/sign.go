package busipush

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"milkrun/sync/secret"
)

// secretMark stands for the secret at the end of a string to sign that is shown.
const secretMark = "‹appsecret›"

// stringToSign returns what is signed, without the secret that comes behind it: "k=v" of every parameter but sign and
// data, empty values left out (D6), in ascending order of bytes, joined by "&". Sorting pairs or keys differs only when
// one key begins with another whole key and goes on with a character below "=".
func (c *connection) stringToSign(params map[string]string) string {
	var lines []string
	for k, v := range params {
		if v != "" && k != "sign" && k != "data" {
			lines = append(lines, pair{k, v}.String())
		}
	}
	if c.signGenerate && params["generate"] == "" {
		lines = append(lines, "generate=")
	}
	slices.SortFunc(lines, func(a, b string) int {
		if c.sortBy == "keys" {
			a, _, _ = strings.Cut(a, "=")
			b, _, _ = strings.Cut(b, "=")
		}
		return strings.Compare(a, b)
	})
	return strings.Join(lines, "&")
}

// String returns the pair as it is signed: not escaped.
func (p pair) String() string { return p.key + "=" + p.value }

func sign(text string, key secret.Secret) string {
	sum := md5.Sum([]byte(text + key.Reveal())) // the document's choice
	return hex.EncodeToString(sum[:])
}

// uuid returns a random UUID (version 4): 122 random bits do not repeat.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// digits makes nonces of ten digits. Random ones would repeat within a day at some 100,000 calls, so they are dealt out
// by time instead: each second of 25 hours has its own 111,111 numbers, taken in turn from a random one on. None comes
// again within 24 hours, also after a restart, without anything being remembered. The zero value is ready.
type digits struct {
	mu           sync.Mutex
	second       int64
	offset, used int64
}

const (
	nonceCycle  = 25 * 60 * 60
	noncePerSec = 10_000_000_000 / nonceCycle
)

// next returns the next nonce. A clock that goes back, or a second that is used up, takes numbers of the seconds to come.
func (d *digits) next(now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if second := max(now.Unix(), d.second); second > d.second || d.used == noncePerSec {
		if second == d.second {
			second++
		}
		d.second, d.offset, d.used = second, random(noncePerSec), 0
	}
	n := d.second%nonceCycle*noncePerSec + (d.offset+d.used)%noncePerSec
	d.used++
	return fmt.Sprintf("%010d", n)
}

func random(below int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(below))
	if err != nil {
		return 0 // crypto/rand does not fail
	}
	return n.Int64()
}
