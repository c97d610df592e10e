package sandbox

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func slots(l *ledger) (all []int) {
	l.each(0, l.count, func(s int) bool {
		all = append(all, s)
		return true
	})
	return all
}

// TestLedgerAgainstSlice runs random edits on a ledger and on a plain slice.
func TestLedgerAgainstSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		n := r.IntN(30)
		l, model := newLedger(n), make([]int, n)
		for i := range model {
			model[i] = i
		}
		next := n
		for step := range 60 {
			at, k := r.IntN(len(model)+2), r.IntN(4)
			switch op := r.IntN(3); {
			case op == 0:
				l = l.insert(at, k)
				added := make([]int, k)
				for i := range added {
					added[i] = next + i
				}
				next += k
				model = slices.Insert(model, min(at, len(model)), added...)
			case op == 1:
				l = l.delete(at, k)
				at = min(at, len(model))
				model = slices.Delete(model, at, min(at+k, len(model)))
			case len(model) > 0:
				to := r.IntN(len(model) + 2)
				l = l.move(at, to)
				at = min(at, len(model)-1)
				row := model[at]
				model = slices.Insert(slices.Delete(model, at, at+1), min(to, len(model)-1), row)
			}
			if got := slots(l); !slices.Equal(got, model) || l.count != len(model) {
				t.Fatalf("round %d step %d: %v (count %d), want %v", round, step, got, l.count, model)
			}
			for s := range next {
				if l.holds(s) != slices.Contains(model, s) {
					t.Fatalf("round %d step %d: holds(%d) is %t", round, step, s, l.holds(s))
				}
			}
		}
	}
}

func TestLedgerWindow(t *testing.T) {
	l := newLedger(10).insert(5, 3).delete(0, 1)
	want := slots(l)
	for from := range 14 {
		for n := range 14 {
			var got []int
			l.each(from, n, func(s int) bool { got = append(got, s); return true })
			if exp := want[min(from, len(want)):min(from+n, len(want))]; !slices.Equal(got, exp) {
				t.Fatalf("each(%d, %d) = %v, want %v", from, n, got, exp)
			}
		}
	}
}

func TestEditsLeaveTheRest(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 300})
	before := truth(c)
	c.Insert(100, 2)
	after := truth(c)
	if !slices.Equal(after[:100], before[:100]) || !slices.Equal(after[102:], before[100:]) {
		t.Error("an insert changed other rows")
	}
	if code := after[100].UniscID; code[:2] != "92" || checkDigit(code) != code[17] {
		t.Errorf("the added code is %s", code)
	}
	c.Delete(100, 2)
	c.Move(10, 20)
	if got := truth(c); got[20] != before[10] || got[10] != before[11] || c.Count() != 300 {
		t.Error("a move moved something else")
	}
}

func TestRegrade(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 1000})
	before := truth(c)
	c.Regrade(10)
	changed := 0
	for i, row := range truth(c) {
		if row.AssessGrade != before[i].AssessGrade {
			changed++
		}
		if row.AssessGrade = before[i].AssessGrade; row != before[i] {
			t.Fatal("a regrade changed more than the grade")
		}
	}
	if changed != 100 {
		t.Errorf("%d grades changed, want 100", changed)
	}
}

// TestDriftSkipsAndDoubles reads pages while rows move and expects what offset paging then does.
func TestDriftSkipsAndDoubles(t *testing.T) {
	for _, tc := range []struct {
		op    string
		count int
	}{{"insert", 1010}, {"delete", 990}, {"move", 1000}, {"regrade", 1000}} {
		c := NewCredit(CreditOptions{Count: 1000, Drift: Drift{Every: 5, Ops: []string{tc.op}, Max: 10, Seed: 3}})
		seen, doubles := map[string]int{}, 0
		for page := 1; page <= 50; page++ {
			for _, row := range fetchPage(t, c, page, 20).CompanyList {
				if seen[row.UniscID]++; seen[row.UniscID] == 2 {
					doubles++
				}
			}
		}
		missing := 0
		for _, row := range truth(c) {
			if seen[row.UniscID] == 0 {
				missing++
			}
		}
		if c.Count() != tc.count || c.Drift().Done != 10 {
			t.Errorf("%s: %d rows after %d changes", tc.op, c.Count(), c.Drift().Done)
		}
		switch {
		case tc.op == "insert" && (doubles == 0 || missing == 0), tc.op == "delete" && missing == 0,
			tc.op == "regrade" && doubles+missing > 0:
			t.Errorf("%s: %d doubles, %d missing", tc.op, doubles, missing)
		}
	}
}

func TestDriftIsTheSameAgain(t *testing.T) {
	run := func() []company {
		c := NewCredit(CreditOptions{Count: 400, Drift: Drift{Every: 1, Seed: 9}})
		for range 30 {
			fetchPage(t, c, 1, 10)
		}
		return truth(c)
	}
	if !slices.Equal(run(), run()) {
		t.Error("the same script gave two lists")
	}
}

func TestDriftRefusesNonsense(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 1})
	for _, d := range []Drift{{Every: -1}, {Max: -1}, {Ops: []string{"explode"}}} {
		if c.SetDrift(d) == nil {
			t.Errorf("%+v is accepted", d)
		}
	}
}

func TestDriftOnNothing(t *testing.T) {
	c := NewCredit(CreditOptions{Count: -1, Drift: Drift{Every: 1, Ops: driftOps(), Max: 12}})
	for range 15 {
		fetchPage(t, c, 1, 10)
	}
	if got := len(truth(c)); got != c.Count() {
		t.Errorf("%d rows, count %d", got, c.Count())
	}
}
