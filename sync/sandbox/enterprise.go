package sandbox

import (
	"math/bits"
	"strings"
)

// usccAlphabet is the alphabet of GB 32100-2015: no I O S V Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

const (
	usccLen    = 18
	bodyLen    = 6                     // positions 11 to 16, behind "MA": the part that tells enterprises apart
	bodySpace  = 887_503_681           // 31^6
	orgHead    = 22*3 + 10*7           // M and A in the GB 11714 sum
	addedSpace = bodySpace / 1_000_000 // room of an added enterprise: a million a county
	orgCheck   = "0X987654321"         // by sum mod 11: 11 - sum, where 11 is written 0 and 10 is written X
	gradeTable = "0111112222222233"    // of 16 enterprises; the D of one in 64 is decided apart
)

// usccWeights are the weights of GB 32100 for positions 1 to 17.
func usccWeights() [17]uint32 {
	return [17]uint32{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}
}

// county is the head of a code, "91140105MA", with its share of both check sums.
type county struct {
	head string
	sum  uint32 // GB 32100, positions 1 to 10
	name string // how its company names begin
}

// registry generates enterprises by number. It holds tables only, so 1,700,000 enterprises cost no memory.
//
// Numbers below n are there from the start; in their order the codes ascend. Numbers from n on are enterprises added
// later: sole traders, whose codes begin with 92.
type registry struct {
	n, perCounty int
	stride       uint64
	counties     []county
	added        []county
	digits       [3][961]twoDigits
	check        [31]byte // the last digit, by the sum mod 31
	brand        [64]string
	trade, shop  [32]string // how names of companies and of sole traders end
	grades       [5]string
	order        shuffle
	sorted       bool
}

func newRegistry(n int, sorted bool) *registry {
	g := &registry{n: n, sorted: sorted, order: newShuffle(n), grades: [5]string{"AA", "A", "B", "C", "D"}}
	g.counties, g.added = makeCounties("91"), makeCounties("92")
	g.perCounty = max(1, (n+len(g.counties)-1)/len(g.counties))
	g.stride = uint64(bodySpace / g.perCounty)
	for i := range usccAlphabet {
		g.check[i] = usccAlphabet[(31-i)%31]
	}
	for i := range g.digits {
		g.digits[i] = makeDigits(10 + 2*i)
	}
	brands := []rune("恒泰鑫诚瑞丰盛达华兴隆源通顺和宏伟永昌利民安康福祥明德仁义信嘉美佳乐旺升腾飞宇博文雅轩新锐创科智联云海天地山河")
	for i := range g.brand {
		g.brand[i] = string(brands[i%len(brands)])
	}
	for i, trade := range strings.Fields(`商贸 科技 建筑工程 物流 餐饮 农业开发 煤业 焦化 机械制造 电子商务 文化传媒 装饰 园林绿化 医药
		信息技术 环保 新能源 食品 酒业 汽车服务 物业管理 人力资源 旅游 教育咨询 房地产开发 劳务 运输 建材 化工 纺织 陶瓷 养殖`) {
		g.trade[i%32], g.shop[i%32] = trade+"有限公司", trade+"经营部"
	}
	return g
}

func makeCounties(class string) []county {
	cities := strings.Fields("太原市 大同市 阳泉市 长治市 晋城市 朔州市 晋中市 运城市 忻州市 临汾市 吕梁市")
	all := make([]county, 0, len(cities)*10)
	for i, city := range cities {
		for j := range 10 {
			code := 140000 + (i+1)*100 + 5 + j
			head := class + itoa(code) + "MA"
			all = append(all, county{head, usccSum(head), city + "测试"})
		}
	}
	return all
}

// usccSum is the GB 32100 sum over the first characters of a code.
func usccSum(s string) uint32 {
	w, sum := usccWeights(), uint32(0)
	for i := range min(len(s), len(w)) {
		sum += w[i] * uint32(strings.IndexByte(usccAlphabet, s[i]))
	}
	return sum
}

// orgValue is the GB 11714 value of a character.
func orgValue(c byte) uint32 {
	if c <= '9' {
		return uint32(c - '0')
	}
	return uint32(c-'A') + 10
}

// number returns the enterprise that stands in a slot: slots are places of the list as it was in the beginning, followed
// by one slot for each enterprise added later.
func (g *registry) number(slot int) int {
	if g.sorted || slot >= g.n {
		return slot
	}
	return int(g.order.forward(uint64(slot)))
}

// slot is the inverse of number.
func (g *registry) slot(number int) int {
	if g.sorted || number >= g.n {
		return number
	}
	return int(g.order.backward(uint64(number)))
}

// place returns the county of an enterprise and the body of its code.
func (g *registry) place(number int) (*county, uint64) {
	if number >= g.n {
		k := number - g.n
		return &g.added[k%len(g.added)], uint64(k/len(g.added)) * addedSpace
	}
	c := number / g.perCounty
	seq := uint64(number - c*g.perCounty)
	return &g.counties[c], seq*g.stride + mix(uint64(number))%g.stride
}

// twoDigits is a pair of neighbouring digits of a body, with its share of the GB 11714 and the GB 32100 sum at its place.
type twoDigits struct {
	text     [2]byte
	org, sum uint16
}

// makeDigits returns the 31*31 pairs that begin at position at of a code, counted from 0.
func makeDigits(at int) (table [961]twoDigits) {
	w, org := usccWeights(), [...]uint32{3, 7, 9, 10, 5, 8, 4, 2}
	for i := range table {
		a, b := i/31, i%31
		ca, cb := usccAlphabet[a], usccAlphabet[b]
		table[i] = twoDigits{
			text: [2]byte{ca, cb},
			org:  uint16(org[at-8]*orgValue(ca) + org[at-7]*orgValue(cb)),
			sum:  uint16(w[at]*uint32(a) + w[at+1]*uint32(b)),
		}
	}
	return table
}

// appendCode appends the code of an enterprise, with both check digits.
func (g *registry) appendCode(b []byte, number int) []byte {
	c, body := g.place(number)
	p, q, r := &g.digits[0][body/(961*961)], &g.digits[1][body/961%961], &g.digits[2][body%961]
	org := orgCheck[(orgHead+uint32(p.org)+uint32(q.org)+uint32(r.org))%11]
	sum := c.sum + uint32(p.sum) + uint32(q.sum) + uint32(r.sum) + 28*orgDigit(org)
	b = append(b, c.head...)
	return append(b, p.text[0], p.text[1], q.text[0], q.text[1], r.text[0], r.text[1], org, g.check[sum%31])
}

// orgDigit is the GB 32100 value of an organisation check digit.
func orgDigit(c byte) uint32 {
	if c == 'X' {
		return 29
	}
	return uint32(c - '0')
}

// appendName appends a company name that says it is a test.
func (g *registry) appendName(b []byte, number int) []byte {
	h := mix(uint64(number) ^ 0x6e616d65)
	first, second := g.brand[h&63], g.brand[h>>6&63]
	if number >= g.n {
		b = append(b, g.added[(number-g.n)%len(g.added)].name...)
		return append(append(append(b, first...), second...), g.shop[h>>12&31]...)
	}
	b = append(b, g.counties[number/g.perCounty].name...)
	return append(append(append(b, first...), second...), g.trade[h>>12&31]...)
}

// grade returns the place of an enterprise's grade in grades before any regrading.
func (g *registry) grade(number int) int {
	h := mix(uint64(number) ^ 0x6772616465)
	if h>>58 == 0 {
		return 4
	}
	return int(gradeTable[h&15] - '0')
}

// find returns the number of the enterprise with a code.
func (g *registry) find(code string) (int, bool) {
	if len(code) != usccLen {
		return 0, false
	}
	list := g.counties
	if strings.HasPrefix(code, "92") {
		list = g.added
	}
	for i := range list {
		if !strings.HasPrefix(code, list[i].head) {
			continue
		}
		number := g.unplace(code, i)
		return number, number >= 0 && string(g.appendCode(nil, number)) == code
	}
	return 0, false
}

func (g *registry) unplace(code string, c int) int {
	body := uint64(0)
	for _, r := range code[10 : 10+bodyLen] {
		d := strings.IndexRune(usccAlphabet, r)
		if d < 0 {
			return -1
		}
		body = body*31 + uint64(d)
	}
	if code[1] == '2' {
		return g.n + int(body/addedSpace)*len(g.added) + c
	}
	if seq := int(body / g.stride); seq < g.perCounty && c*g.perCounty+seq < g.n {
		return c*g.perCounty + seq
	}
	return -1
}

// shuffle is a bijection of [0, n) that looks random: multiplications by odd numbers and xor-shifts within the next
// power of two, walked until the result is inside.
type shuffle struct {
	n, mask uint64
	half    uint
	mul     [3]uint64
	inv     [3]uint64
}

func newShuffle(n int) shuffle {
	k := max(4, bits.Len(uint(max(n, 1)-1)))
	s := shuffle{n: uint64(n), mask: 1<<k - 1, half: uint(k+1) / 2}
	s.mul = [3]uint64{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb}
	for i, m := range s.mul {
		s.inv[i] = inverse(m)
	}
	return s
}

// inverse is the multiplicative inverse of an odd number modulo 2^64, by Newton's iteration.
func inverse(m uint64) uint64 {
	x := m
	for range 6 {
		x *= 2 - m*x
	}
	return x
}

func (s *shuffle) forward(x uint64) uint64 {
	for {
		x = (x*s.mul[0] + 1) & s.mask
		x ^= x >> s.half
		x = x * s.mul[1] & s.mask
		x ^= x >> s.half
		x = x * s.mul[2] & s.mask
		if x < s.n {
			return x
		}
	}
}

func (s *shuffle) backward(x uint64) uint64 {
	for {
		x = x * s.inv[2] & s.mask
		x ^= x >> s.half // its own inverse: half is at least half of the bits
		x = x * s.inv[1] & s.mask
		x ^= x >> s.half
		x = (x - 1) * s.inv[0] & s.mask
		if x < s.n {
			return x
		}
	}
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
