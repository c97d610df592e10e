package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkDigit computes position 18 by the text of GB 32100, sharing nothing with the generator but the alphabet.
func checkDigit(code string) byte {
	sum, weight := 0, 1
	for _, r := range code[:17] {
		sum += strings.IndexRune(usccAlphabet, r) * weight
		weight = weight * 3 % 31
	}
	return usccAlphabet[(31-sum%31)%31]
}

// orgDigitOf computes position 17 by the text of GB 11714.
func orgDigitOf(code string) byte {
	sum := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		sum += w * strings.IndexByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", code[8+i])
	}
	switch c := 11 - sum%11; c {
	case 10:
		return 'X'
	case 11:
		return '0'
	default:
		return byte('0' + c)
	}
}

func TestCheckDigitAgreesWithVectors(t *testing.T) {
	v := vectors(t)
	for _, code := range v.USCC.Valid {
		if checkDigit(code) != code[17] {
			t.Errorf("%s: computed %c", code, checkDigit(code))
		}
		if usccAlphabet[(31-(usccSum(code[:17]))%31)%31] != code[17] {
			t.Errorf("%s: the generator's sum disagrees", code)
		}
	}
	for code, want := range v.USCC.WrongCheckDigit {
		if string(checkDigit(code)) != want {
			t.Errorf("%s: computed %c, want %s", code, checkDigit(code), want)
		}
	}
}

func TestEnterprisesAreValidAndDistinct(t *testing.T) {
	for _, n := range []int{1, 7, 110, 5000, 120_000} {
		g := newRegistry(n, false)
		shape := regexp.MustCompile(vectors(t).USCC.Regex)
		seen := map[string]bool{}
		last := ""
		for number := range n + 500 {
			code := string(g.appendCode(nil, number))
			if number%97 == 0 && !shape.MatchString(code) || checkDigit(code) != code[17] || orgDigitOf(code) != code[16] {
				t.Fatalf("number %d: %s is not valid", number, code)
			}
			if seen[code] {
				t.Fatalf("number %d: %s twice", number, code)
			}
			if seen[code] = true; number < n && code <= last {
				t.Fatalf("number %d: %s does not follow %s", number, code, last)
			}
			last = code
			if back, ok := g.find(code); !ok || back != number {
				t.Fatalf("find(%s) = %d, %t, want %d", code, back, ok, number)
			}
			if name := string(g.appendName(nil, number)); !strings.Contains(name, "测试") || !utf8.ValidString(name) {
				t.Fatalf("name %q does not say 测试", name)
			}
		}
	}
}

func TestFindRefusesOthers(t *testing.T) {
	g := newRegistry(1000, false)
	for _, code := range append(vectors(t).USCC.Valid, "", "91", "91140105MA??????00", strings.Repeat("9", 18)) {
		if n, ok := g.find(code); ok {
			t.Errorf("find(%q) = %d", code, n)
		}
	}
}

func TestShuffleIsABijection(t *testing.T) {
	for _, n := range []int{1, 2, 3, 15, 16, 17, 1000, 4096, 170_000} {
		s := newShuffle(n)
		seen := make([]bool, n)
		ascents := 0
		last := uint64(0)
		for i := range uint64(n) {
			x := s.forward(i)
			if x >= uint64(n) || seen[x] {
				t.Fatalf("n %d: %d goes to %d, outside or taken", n, i, x)
			}
			if seen[x] = true; s.backward(x) != i {
				t.Fatalf("n %d: backward(%d) = %d, want %d", n, x, s.backward(x), i)
			}
			if x > last {
				ascents++
			}
			last = x
		}
		if n >= 1000 && (ascents < n*45/100 || ascents > n*55/100) {
			t.Errorf("n %d: %d of the steps ascend; that does not look random", n, ascents)
		}
	}
}

func TestGradesAreAllThere(t *testing.T) {
	g := newRegistry(100_000, false)
	counts := make([]int, len(g.grades))
	for i := range 100_000 {
		counts[g.grade(i)]++
	}
	if slices.Min(counts) < 500 {
		t.Errorf("grades are spread %v", counts)
	}
}

func BenchmarkPage(b *testing.B) {
	c := NewCredit(CreditOptions{})
	var buf []byte
	page := 0
	b.ReportAllocs()
	for b.Loop() {
		page = page%1700 + 1
		buf = c.appendPage(buf[:0], c.now.Load(), page, 1000)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}
