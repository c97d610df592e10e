package envelope

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

// What of a message is sealed.
const (
	None  = "none"       // nothing: the profile is off
	Whole = "whole-body" // the whole JSON text of a message is one ciphertext
	Data  = "data-only"  // what belongs to the operation; who asks, and result and msg of the answer, stay in clear
)

const (
	algSM2       = "sm2"
	algRSAOAEP   = "rsa-oaep"
	algRSAOAEP1  = "rsa-oaep-mgf1-sha1" // what Java's OAEPWithSHA-256AndMGF1Padding does unless told otherwise
	algRSAPKCS1  = "rsa-pkcs1"
	algPreShared = "pre-shared"

	layoutC1C3C2 = "c1c3c2"
	layoutC1C2C3 = "c1c2c3"
	layoutASN1   = "asn1"

	ivPrefix = "random-prefix"
	ivFixed  = "fixed"
	ivField  = "field:"

	overPlaintext = "plaintext"
	overCanonical = "canonical-json"

	signNone = "none"
	signSM2  = "sm2"
	signRSA  = "rsa-sha256"
)

// Profile is the keys of a table `envelope`. It must not be copied once in use.
type Profile struct {
	given bool
	mode  string

	keyAlg, layout, keyField, keyEnc string
	prefix04                         bool
	own, partner, shared             secret.Secret

	cipher, padding, iv, fixedIV, dataField, dataEnc string

	digest, digestOver, digestField, digestEnc, onMismatch string
	digestKey                                              secret.Secret

	sign, signID, signOver, signField string

	timestampField, nonceField string
	window                     time.Duration

	once sync.Once
	keys keys
	err  error
}

// NewProfile returns a profile that is off, with the defaults of one that is on.
func NewProfile() *Profile {
	return &Profile{
		mode: Data, keyAlg: algSM2, layout: layoutC1C3C2, prefix04: true, keyField: "encryptKey", keyEnc: encBase64,
		cipher: "sm4-cbc", padding: "pkcs7", iv: ivPrefix, dataField: "data", dataEnc: encBase64,
		digest: "sm3", digestOver: overPlaintext, digestField: "digest", digestEnc: encHexLower, onMismatch: "reject",
		sign: signNone, signID: "1234567812345678", signOver: overPlaintext, signField: "sign", window: 10 * time.Minute,
	}
}

// Mode is what is sealed: [None], [Whole] or [Data].
func (p *Profile) Mode() string {
	if !p.given {
		return None
	}
	return p.mode
}

// On says whether messages are sealed at all.
func (p *Profile) On() bool { return p.Mode() != None }

// NeedsPublicKey says whether the partner's public key is needed and does not stand in the configuration.
func (p *Profile) NeedsPublicKey() bool {
	return p.On() && p.partner.Empty() && (p.keyAlg != algPreShared || p.sign != signNone)
}

// DataField and the others are where what stands in a sealed message.
func (p *Profile) DataField() string { return p.dataField }

// FieldNames are the names that belong to the envelope, and so to nothing within it.
func (p *Profile) FieldNames() []string {
	names := []string{p.dataField, p.digestField}
	if p.keyAlg != algPreShared {
		names = append(names, p.keyField)
	}
	if p.sign != signNone {
		names = append(names, p.signField)
	}
	if name, ok := strings.CutPrefix(p.iv, ivField); ok {
		names = append(names, name)
	}
	for _, name := range []string{p.timestampField, p.nonceField} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Group is the table of the profile as a key of a block.
func (p *Profile) Group(name string) setting.Field {
	ignored := new(bool) // a table in it has no switch of its own
	return setting.Group(name, &p.given, []setting.Field{
		setting.Choice("mode", &p.mode, []string{None, Whole, Data}, "what is encrypted: nothing, the whole body, or the data of an operation only",
			"加密范围：不加密、整个报文、仅业务数据"),
		setting.Group("key", ignored, p.keyFields(), "how the key of a message is wrapped", "会话密钥的封装方式"),
		setting.Group("cipher", ignored, p.cipherFields(), "how a message is encrypted", "报文的加密方式"),
		setting.Group("digest", ignored, p.digestFields(), "how the digest of a message is made", "摘要的计算方式"),
		setting.Group("sign", ignored, p.signFields(), "how a message is signed", "签名方式"),
		setting.Group("anti_replay", ignored, p.replayFields(), "how old messages are told from new ones", "防重放"),
	}, "the encrypted envelope of messages, with the comparison of digests", "报文加密信封与摘要比对")
}

func (p *Profile) keyFields() []setting.Field {
	return []setting.Field{
		setting.Choice("alg", &p.keyAlg, []string{algSM2, algRSAOAEP, algRSAOAEP1, algRSAPKCS1, algPreShared},
			"how: with the receiver's public key, or not at all, because both have the key (pre-shared)", "封装算法；pre-shared 表示双方预先约定密钥"),
		setting.Choice("sm2_layout", &p.layout, []string{layoutC1C3C2, layoutC1C2C3, layoutASN1}, "order of the parts of an SM2 ciphertext", "SM2 密文各部分的顺序"),
		setting.Bool("prefix04", &p.prefix04, "the point of an SM2 ciphertext begins with 04; with asn1 without effect", "SM2 密文的点是否带 04 前缀（asn1 时无效）"),
		setting.Text("field", &p.keyField, "where the wrapped key stands", "封装后密钥所在字段"),
		setting.Choice("enc", &p.keyEnc, []string{encBase64, encHex}, "how it is written", "其编码"),
		setting.Secret("own", &p.own, "our private key: PEM, base64 of the DER, or for SM2 64 hex digits; opens answers and signs requests",
			"我方私钥：PEM、DER 的 Base64，SM2 也可为 64 位十六进制；用于解密应答与签名请求"),
		setting.Secret("partner", &p.partner, "the platform's public key, when it does not come from account.public_key", "平台公钥（不通过 account.public_key 获取时填写）"),
		setting.Secret("shared", &p.shared, "the key both have, in hex, for pre-shared", "双方约定的密钥（十六进制，pre-shared 时必填）"),
	}
}

func (p *Profile) cipherFields() []setting.Field {
	return []setting.Field{
		setting.Choice("alg", &p.cipher, cipherNames(), "with which cipher", "加密算法"),
		setting.Choice("padding", &p.padding, []string{"pkcs7"}, "how the last block is filled, where blocks are", "填充方式"),
		setting.Custom("iv", "text", `"random-prefix"`, p.setIV, `where the initialisation vector is: "random-prefix" before the ciphertext, "field:NAME", or "fixed"`,
			`初始向量的位置："random-prefix" 置于密文之前、"field:字段名"、或 "fixed" 固定值`),
		setting.Custom("fixed_iv", "text", "", p.setFixedIV, `the vector of iv = "fixed", in hex`, `iv = "fixed" 时的固定向量（十六进制）`),
		setting.Text("field", &p.dataField, "where the ciphertext stands", "密文所在字段"),
		setting.Choice("enc", &p.dataEnc, []string{encBase64, encHex}, "how it is written", "其编码"),
	}
}

func (p *Profile) digestFields() []setting.Field {
	return []setting.Field{
		setting.Choice("alg", &p.digest, []string{"sm3", "sha256", "md5", "hmac-sm3", "hmac-sha256"}, "with which algorithm", "摘要算法"),
		setting.Choice("over", &p.digestOver, []string{overPlaintext, overCanonical},
			"of what: the exact bytes that were encrypted, or their JSON with sorted names and without spaces", "摘要对象：加密前的原始字节，或键名排序且无空白的 JSON"),
		setting.Text("field", &p.digestField, "where the digest stands", "摘要所在字段"),
		setting.Choice("enc", &p.digestEnc, []string{encHexLower, encHexUpper, encBase64}, "how it is written; hex is read in either case", "其编码；读取时十六进制不分大小写"),
		setting.Choice("on_mismatch", &p.onMismatch, []string{"reject"}, "what becomes of data whose digest differs: it is discarded, and pulled once more", "摘要不符的数据：丢弃并重取一次"),
		setting.Secret("key", &p.digestKey, "the key of hmac-sm3 and hmac-sha256", "hmac-sm3、hmac-sha256 的密钥"),
	}
}

func (p *Profile) signFields() []setting.Field {
	return []setting.Field{
		setting.Choice("alg", &p.sign, []string{signNone, signSM2, signRSA}, "with which algorithm; signatures of answers are verified then", "签名算法；启用后校验应答签名"),
		setting.Text("id", &p.signID, "the signer's id in an SM2 signature", "SM2 签名的用户标识"),
		setting.Choice("over", &p.signOver, []string{overPlaintext, overCanonical}, "of what, as for the digest", "签名对象，同摘要"),
		setting.Text("field", &p.signField, "where the signature stands, in base64", "签名所在字段（Base64）"),
	}
}

func (p *Profile) replayFields() []setting.Field {
	return []setting.Field{
		setting.Text("timestamp_field", &p.timestampField, "where the time stands, in milliseconds since 1970; none when left out", "时间戳字段（毫秒）；不填则不使用"),
		setting.Text("nonce_field", &p.nonceField, "where a random number stands that is used once; none when left out", "一次性随机数字段；不填则不使用"),
		setting.Duration("window", &p.window, "how far the time of an answer may be from ours", "应答时间与本机时间的最大偏差"),
	}
}

func (p *Profile) setIV(text string) error {
	if name, ok := strings.CutPrefix(text, ivField); text != ivPrefix && text != ivFixed && (!ok || name == "") {
		return fmt.Errorf(`%q is none of "random-prefix", "field:NAME" and "fixed"`, text)
	}
	p.iv = text
	return nil
}

func (p *Profile) setFixedIV(text string) error {
	if _, err := hex.DecodeString(text); err != nil {
		return fmt.Errorf("%q is not hexadecimal; write two digits for each byte", text)
	}
	p.fixedIV = text
	return nil
}

const rule = "商务诚信公共服务平台 信息交换接口规范 (draft of DB14/T 2831—2023): messages shall be encrypted, and the digest of what was decrypted compared"

// Validate finds what one key alone does not show. Name is that of the table.
func (p *Profile) Validate(name string) []setting.Problem {
	if !p.On() {
		return nil
	}
	var list []setting.Problem
	add := func(key, text, remedy string) {
		list = append(list, setting.Problem{Key: name + "." + key, Text: text, Remedy: remedy})
	}
	p.checkKeys(add)
	c := ciphers()[p.cipher]
	switch size := c.ivSize(); {
	case p.iv == ivFixed && size > 0 && len(p.fixedIV) != 2*size:
		add("cipher.fixed_iv", fmt.Sprintf("iv = \"fixed\" with %s needs a vector of %d bytes", p.cipher, size), fmt.Sprintf("write %d hex digits", 2*size))
	case p.iv != ivFixed && p.fixedIV != "":
		add("cipher.fixed_iv", "it has no effect with iv = \""+p.iv+"\"", `set iv = "fixed", or leave fixed_iv out`)
	}
	if strings.HasPrefix(p.digest, "hmac-") && p.digestKey.Empty() {
		add("digest.key", p.digest+" needs a key: "+rule, `write key = "file:…"`)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(p.FieldNames())))) != len(p.FieldNames()) {
		add("cipher.field", "two parts of a message have one name", "give cipher, key, digest, sign and anti_replay a field of its own each")
	}
	for _, part := range p.FieldNames() {
		if part == "" {
			add("cipher.field", "a part of a message has no name", "give it one: "+rule)
		}
	}
	return list
}

func (p *Profile) checkKeys(add func(key, text, remedy string)) {
	if p.keyAlg == algPreShared && p.shared.Empty() {
		add("key.shared", `alg = "pre-shared" needs the key that both have`, `write shared = "file:…", the key in hex`)
	}
	if p.sign == signSM2 && p.wrapsRSA() || p.sign == signRSA && p.keyAlg == algSM2 {
		add("sign.alg", p.sign+" does not go with key.alg = \""+p.keyAlg+"\": one key of ours does both", "take algorithms of one kind, or pre-shared keys")
	}
	if p.sign != signNone && p.own.Empty() {
		add("key.own", "a signature needs our private key", `write own = "file:…"`)
	}
}

// CheckKeys parses the keys of the configuration, and says which one is none. It is not part of Validate: there the secrets
// may be references only.
func (p *Profile) CheckKeys() error {
	_, err := p.parsed()
	return err
}

// HasPartner says whether the platform's public key stands in the configuration.
func (p *Profile) HasPartner() bool { return !p.partner.Empty() }

// Partner is the platform's public key in the configuration, nil when there is none.
func (p *Profile) Partner() (*Public, error) {
	k, err := p.parsed()
	return k.partner, err
}

// DigestField is where the digest stands.
func (p *Profile) DigestField() string { return p.digestField }

// KeySize is the size of a message's key in bytes.
func (p *Profile) KeySize() int { return ciphers()[p.cipher].keySize }

// RSA says whether the keys of both sides are RSA keys, and not SM2 keys.
func (p *Profile) RSA() bool {
	return p.wrapsRSA() || p.sign == signRSA
}

// wrapsRSA says whether the keys of messages are wrapped with RSA.
func (p *Profile) wrapsRSA() bool { return p.keyAlg == algRSAPKCS1 || oaep(p.keyAlg) != nil }
