package uscc

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

type vectors struct {
	Alphabet    string
	Weights     []int
	Regex       string
	ValidPublic []struct{ Code string }           `json:"valid_public"`
	Synthetic   []string                          `json:"valid_synthetic"`
	Legacy      []struct{ Code, Computed string } `json:"legacy_issued_but_check_digit_wrong"`
	Invalid     []struct{ Code, Why string }
	Normalise   []struct{ In, Out string } `json:"needs_normalise"`
}

func load(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectors(t *testing.T) {
	v := load(t)
	good := v.Synthetic
	for _, c := range v.ValidPublic {
		good = append(good, c.Code)
	}
	if len(good) < 10 || len(v.Legacy) != 5 || len(v.Invalid) != 3 || len(v.Normalise) != 2 {
		t.Fatal("vectors are missing")
	}
	for _, code := range good {
		if err := Check(code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, c := range v.Legacy {
		if err := Check(c.Code); !errors.Is(err, CheckDigit) {
			t.Errorf("%s: %v", c.Code, err)
		}
		if err := Check(c.Code[:17] + c.Computed); err != nil {
			t.Errorf("%s with the check digit %s: %v", c.Code, c.Computed, err)
		}
	}
	for _, c := range v.Invalid {
		want := map[string]Error{"check digit": CheckDigit, "letter I": Charset, "empty": Length}[c.Why]
		if err := Check(c.Code); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", c.Code, err, want)
		}
	}
	for _, c := range v.Normalise {
		if got := Normalise(c.In); got != c.Out {
			t.Errorf("%q: %q, want %q", c.In, got, c.Out)
		}
	}
}

func TestEveryCharacter(t *testing.T) {
	v := load(t)
	if len(values) != 256 {
		t.Fatalf("%d values", len(values))
	}
	for c := range 256 {
		want := strings.IndexByte(v.Alphabet, byte(c))
		if want < 0 {
			want = none
		}
		if got := int(values[c]); got != want {
			t.Errorf("value of %q is %d, want %d", byte(c), got, want)
		}
	}
}

func TestDistrictIsDigits(t *testing.T) {
	for i := 2; i < 8; i++ {
		code := []byte("91140107MA0GT3RT7Y")
		code[i] = 'A'
		if err := Check(string(code)); !errors.Is(err, Charset) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"９１３１０１１０６６６００７２１７ｔ":                 "91310110666007217T",
		"\u3000“91310110666007217T”\u00a0\n": "91310110666007217T",
		"9131 0110666007217T":                "9131 0110666007217T",
		"":                                   "",
		" ":                                  "",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCleanInputDoesNotAllocate(t *testing.T) {
	var err error
	n := testing.AllocsPerRun(100, func() {
		if err == nil {
			err = Check(Normalise("91310110666007217T"))
		}
		_ = Check("91310110666007217X")
	})
	if n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

// FuzzCheck compares with the standard's own wording: the pattern, and the sum of the weighted values.
func FuzzCheck(f *testing.F) {
	v := load(f)
	pattern := regexp.MustCompile(v.Regex)
	for _, c := range v.Legacy {
		f.Add(c.Code)
	}
	for _, c := range v.Synthetic {
		f.Add(c)
		f.Add(" ’" + strings.ToLower(c))
	}
	f.Fuzz(func(t *testing.T, in string) {
		code := Normalise(in)
		if Normalise(code) != code {
			t.Fatalf("%q: normalising %q again gives %q", in, code, Normalise(code))
		}
		var want error
		switch {
		case len(code) != 18:
			want = Length
		case !pattern.MatchString(code):
			want = Charset
		default:
			sum := 0
			for i, w := range v.Weights {
				sum += w * strings.IndexByte(v.Alphabet, code[i])
			}
			if code[17] != v.Alphabet[(31-sum%31)%31] {
				want = CheckDigit
			}
		}
		if got := Check(code); !errors.Is(got, want) {
			t.Fatalf("%q: %v, want %v", code, got, want)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		if Check("91310110666007217T") != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkNormalise(b *testing.B) {
	for b.Loop() {
		if Normalise("91310110666007217T") == "" {
			b.Fatal("empty")
		}
	}
}
