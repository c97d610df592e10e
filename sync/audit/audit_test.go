package audit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/secret"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// chain is n rows that follow each other behind an anchor.
func chain(a Anchor, n int) []Row {
	list := make([]Row, n)
	before := a.Hash
	for i := range list {
		list[i] = Row{Seq: a.Through + int64(i) + 1, Kind: Call, At: noon.Add(time.Duration(i) * time.Second), Job: "grades", RunID: 7, Trigger: "schedule",
			Connection: "credit", Interface: "grades", Purpose: "信用评估", Direction: In, Batch: "beginning", Records: int64(i), Bytes: 12, Status: "HTTP 200"}
		list[i].Hash = list[i].Link(before)
		before = list[i].Hash
	}
	return list
}

// relink makes the hashes of the rows from i on anew, as somebody would who can write.
func relink(list []Row, i int) {
	for ; i < len(list); i++ {
		var before Sum
		if i > 0 {
			before = list[i-1].Hash
		}
		list[i].Hash = list[i].Link(before)
	}
}

func headOf(r Row) Head { return Head{Seq: r.Seq, Hash: r.Hash} }

// TestVerify finds every kind of tampering, and says where.
func TestVerify(t *testing.T) {
	whole := chain(Anchor{}, 10)
	kept := headOf(whole[7]) // row 8
	for name, c := range map[string]struct {
		tamper  func([]Row) []Row
		kept    Head
		written int64
		want    []Finding // without their texts
	}{
		"whole":                   {tamper: func(l []Row) []Row { return l }, kept: kept},
		"hash alone":              {tamper: func(l []Row) []Row { return l }, kept: Head{Hash: kept.Hash}},
		"altered":                 {tamper: func(l []Row) []Row { l[4].Records++; return l }, want: []Finding{{What: Altered, From: 5, Through: 5}}},
		"altered, its hash anew":  {tamper: func(l []Row) []Row { l[4].Purpose = "x"; l[4].Hash = l[4].Link(l[3].Hash); return l }, want: []Finding{{What: Altered, From: 6, Through: 6}}},
		"the first altered":       {tamper: func(l []Row) []Row { l[0].Operator = "x"; return l }, want: []Finding{{What: Altered, From: 1, Through: 1}}},
		"the last altered":        {tamper: func(l []Row) []Row { l[9].Code = "x"; return l }, want: []Finding{{What: Altered, From: 10, Through: 10}}},
		"hash altered":            {tamper: func(l []Row) []Row { l[2].Hash[0]++; return l }, want: []Finding{{What: Altered, From: 3, Through: 3}, {What: Altered, From: 4, Through: 4}}},
		"taken out":               {tamper: func(l []Row) []Row { return slices.Delete(l, 3, 6) }, want: []Finding{{What: Missing, From: 4, Through: 6}}},
		"the first taken out":     {tamper: func(l []Row) []Row { return l[2:] }, want: []Finding{{What: Missing, From: 1, Through: 2}}},
		"cut off":                 {tamper: func(l []Row) []Row { return l[:6] }, kept: kept, written: 6, want: []Finding{{What: Truncated, From: 7, Through: 8}}},
		"cut off, and nobody has": {tamper: func(l []Row) []Row { return l[:6] }, want: []Finding{{What: Truncated, From: 7, Through: 10}}},
		"all gone":                {tamper: func(l []Row) []Row { return nil }, kept: kept, want: []Finding{{What: Truncated, From: 1, Through: 10}, {What: Truncated, From: 1, Through: 8}}},
		"cut off, hash alone":     {tamper: func(l []Row) []Row { return l[:6] }, kept: Head{Hash: kept.Hash}, written: 6, want: []Finding{{What: NotHead}}},
		"written anew":            {tamper: func(l []Row) []Row { l[4].Records++; relink(l, 4); return l }, kept: kept, want: []Finding{{What: NotHead, From: 8, Through: 8}}},
		"altered behind the head": {tamper: func(l []Row) []Row { l[8].Records++; relink(l, 8); return l }, kept: kept},
		"put in": {tamper: func(l []Row) []Row {
			l = slices.Insert(l, 4, Row{Seq: 5, Kind: Call, At: noon})
			for i := 5; i < len(l); i++ {
				l[i].Seq++
			}
			l[4].Hash = l[4].Link(l[3].Hash)
			return l[:6]
		}, written: 6, want: []Finding{{What: Altered, From: 6, Through: 6}}},
		"put in at the end": {tamper: func(l []Row) []Row { return append(l, Row{Seq: 11, Kind: Call, At: noon}) }, want: []Finding{{What: Altered, From: 11, Through: 11}}},
		"two changed places": {tamper: func(l []Row) []Row {
			l[3], l[4] = l[4], l[3]
			l[3].Seq, l[4].Seq = 4, 5
			return l
		}, want: []Finding{{What: Altered, From: 4, Through: 4}, {What: Altered, From: 5, Through: 5}, {What: Altered, From: 6, Through: 6}}},
	} {
		t.Run(name, func(t *testing.T) {
			list := c.tamper(slices.Clone(whole))
			v := NewVerify(Anchor{}, c.kept)
			for i := range list {
				v.Row(&list[i])
			}
			if c.written == 0 {
				c.written = 10
			}
			checkFindings(t, v.End(c.written), c.want)
		})
	}
}

func checkFindings(t *testing.T, got, want []Finding) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("found %+v, want %+v", got, want)
	}
	for i, f := range got {
		if f.Text == "" || f.What != want[i].What || f.From != want[i].From || f.Through != want[i].Through {
			t.Errorf("found %+v, want %+v", f, want[i])
		}
	}
}

// TestVerifyPruned vouches for what was removed only when a row says so.
func TestVerifyPruned(t *testing.T) {
	whole := chain(Anchor{}, 10)
	gone := Row{Seq: 11, Kind: Pruned, At: noon, Records: 4, Digest: whole[3].Hash}
	gone.Hash = gone.Link(whole[9].Hash)
	whole = append(whole, gone)
	anchor := Anchor{Through: 4, Hash: whole[3].Hash}
	look := func(list []Row, a Anchor, kept Head) []Finding {
		v := NewVerify(a, kept)
		for i := range list {
			v.Row(&list[i])
		}
		return v.End(11)
	}
	checkFindings(t, look(whole[4:], anchor, Head{}), nil)
	checkFindings(t, look(whole[2:], anchor, Head{}), nil) // the removal was cut short
	checkFindings(t, look(whole[4:], anchor, headOf(whole[3])), nil)
	checkFindings(t, look(whole[4:], anchor, headOf(whole[1])), []Finding{{What: OldHead, From: 2, Through: 2}})
	checkFindings(t, look(whole[5:], anchor, Head{}), []Finding{{What: Missing, From: 5, Through: 5}})
	forged := Anchor{Through: 5, Hash: whole[4].Hash}
	checkFindings(t, look(whole[5:], forged, Head{}), []Finding{{What: Missing, From: 1, Through: 5}})
}

func TestHead(t *testing.T) {
	h := headOf(chain(Anchor{}, 1)[0])
	for _, text := range []string{h.String(), " " + h.String() + "\n", h.Hash.String()} {
		got, err := ParseHead(text)
		if err != nil || got.Hash != h.Hash || strings.Contains(text, ":") && got.Seq != 1 {
			t.Errorf("%q is read %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1:", "x:" + h.Hash.String(), "0:" + h.Hash.String(), h.Hash.String()[2:], "1:zz"} {
		if _, err := ParseHead(text); err == nil {
			t.Errorf("%q is a head", text)
		}
	}
}

// FuzzEncode tries to find two different rows that encode the same.
func FuzzEncode(f *testing.F) {
	f.Add("grades", "credit", "a", "1:2,", int64(1), int64(0), "grades", "credita", "", "1:2,", int64(1), int64(0))
	f.Add("a", "b", "c", "d", int64(1), int64(12), "a", "b", "c", "d", int64(11), int64(2))
	f.Add("\x00", "", ",", "3:abc,", int64(-1), int64(1), "", "\x00", ",3:abc,", "", int64(-1), int64(1))
	f.Fuzz(func(t *testing.T, job1, on1, batch1, code1 string, n1, m1 int64, job2, on2, batch2, code2 string, n2, m2 int64) {
		a := Row{Kind: Call, At: noon, Job: job1, Connection: on1, Batch: batch1, Code: code1, Records: n1, Rejected: m1}
		b := Row{Kind: Call, At: noon, Job: job2, Connection: on2, Batch: batch2, Code: code2, Records: n2, Rejected: m2}
		if same := bytes.Equal(a.encode(nil), b.encode(nil)); same != (a == b) {
			t.Errorf("%+v and %+v encode the same: %v", a, b, same)
		}
	})
}

// TestEveryFieldCounts changes each field in turn.
func TestEveryFieldCounts(t *testing.T) {
	row := func() Row { return chain(Anchor{}, 1)[0] }
	was := row()
	for i, change := range []func(*Row){
		func(r *Row) { r.Seq++ }, func(r *Row) { r.Kind = Batch }, func(r *Row) { r.At = r.At.Add(time.Millisecond) }, func(r *Row) { r.Took += time.Millisecond },
		func(r *Row) { r.Job += "x" }, func(r *Row) { r.RunID++ }, func(r *Row) { r.Trigger = "manual" }, func(r *Row) { r.Operator = "x" },
		func(r *Row) { r.Connection += "x" }, func(r *Row) { r.Interface += "x" }, func(r *Row) { r.Purpose += "x" }, func(r *Row) { r.Direction = Out },
		func(r *Row) { r.Batch += "x" }, func(r *Row) { r.Records++ }, func(r *Row) { r.Rejected++ }, func(r *Row) { r.Bytes++ },
		func(r *Row) { r.Digest[31]++ }, func(r *Row) { r.Key += "x" }, func(r *Row) { r.Status += "x" }, func(r *Row) { r.Code += "x" },
	} {
		is := row()
		if change(&is); is.Link(Sum{}) == was.Link(Sum{}) {
			t.Errorf("change %d does not show in the hash", i)
		}
	}
	if was.Link(Sum{1}) == was.Link(Sum{}) {
		t.Error("the hash before does not show in the hash")
	}
}

// TestGolden fixes the encoding: whoever keeps hashes elsewhere must be able to make them again.
func TestGolden(t *testing.T) {
	r := chain(Anchor{}, 1)[0]
	r.Digest, r.Took = Sum{0xab}, 35*time.Millisecond
	const want = "18:milkrun exchange 1,1:1,4:call,24:2026-11-03T12:00:00.000Z,2:35,6:grades,1:7,8:schedule,0:,6:credit,6:grades,12:信用评估,2:in,9:beginning," +
		"1:0,1:0,2:12,64:ab00000000000000000000000000000000000000000000000000000000000000,0:,8:HTTP 200,0:,"
	if got := string(r.encode(nil)); got != want {
		t.Errorf("encoded\n%s\nwant\n%s", got, want)
	}
	const hash = "7587cc72b64b87795370ccd2b902b452f2730db1557532fe873d232bd42e2db0"
	if got := r.Link(Sum{}).String(); got != hash {
		t.Errorf("hash %s, want %s", got, hash)
	}
}

func TestFingerprint(t *testing.T) {
	id, other := secret.New("access-id"), secret.New("password")
	first := Fingerprint([]secret.Secret{{}, id, other})
	if first != Fingerprint([]secret.Secret{id}) || first == Fingerprint([]secret.Secret{other}) || len(first) != 10 {
		t.Errorf("fingerprint %q", first)
	}
	if Fingerprint(nil) != "" {
		t.Error("nothing has a fingerprint")
	}
}
