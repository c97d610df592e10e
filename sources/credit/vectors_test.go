package credit

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

type vectorFile struct {
	Grades struct {
		Ordered   []string
		Normalise []struct {
			In  string
			Out *string
		}
	}
	Responses []struct {
		Op   string
		Body json.RawMessage
		OK   bool
	}
}

func vectors(t testing.TB) (v vectorFile) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || len(v.Responses) == 0 || len(v.Grades.Normalise) == 0 {
		t.Fatal(err, "or no vectors")
	}
	return v
}

func TestGradeVectors(t *testing.T) {
	g := vectors(t).Grades
	for _, text := range g.Ordered {
		if gradeOf(text) != text {
			t.Errorf("%s is %v", text, gradeOf(text))
		}
	}
	for _, c := range g.Normalise {
		var want feed.Value
		if c.Out != nil {
			want = *c.Out
		}
		if got := gradeOf(c.In); got != want {
			t.Errorf("%q is %v, want %v", c.In, got, want)
		}
	}
}

func TestResponseVectors(t *testing.T) {
	for i, r := range vectors(t).Responses {
		a, err := decode(r.Body, window{0, 1000}, digitsWarn)
		if err != nil || a.succeeded() != r.OK {
			t.Errorf("response %d: %v, succeeded is %v", i, err, !r.OK)
			continue
		}
		if r.Op != operation {
			continue
		}
		if a.fault != "" || a.pageno().n != 2 || a.count().n != 3 || a.pagesize().n != 2 ||
			fmt.Sprint(a.values) != "[911400001100123440 丙 B]" {
			t.Errorf("response %d: %+v", i, a)
		}
	}
}

// one is a record that is fine, and page puts records into a page.
const one = `{"uniscId":"91140107MA0GT3RT7Y","enterpriseName":"太原市测试科技有限公司","assessGrade":"A "}`

func page(records ...string) string {
	return fmt.Sprintf(`{"msg":"ok","result":1,"data":{"pageno":1,"count":%d,"pagesize":1000,"companyList":[%s]}}`,
		len(records), strings.Join(records, ","))
}

// oddBodies are answers that are hard in some way, for the fuzz test to start from.
func oddBodies() []string {
	list := []string{
		``, `null`, `[]`, `{}`, `"x"`, `{"result":1}`, `{"result":0,"msg":"系统繁忙"}`, `{"result":1,"result":1}`,
		page(one), page(one, one), page(`{}`), page(`null`), page(`[]`), page(`7`),
		`{"result":"1","pageno":"1","count":" 2 ","pagesize":2,"companyList":[` + one + `]}`,
		`{"result":1,"companyList":[` + one + `],"data":null}`,
		`{"result":1,"companyList":[` + one + `],"data":{"companyList":[]}}`,
		`{"result":1,"data":{"companyList":null,"count":0}}`, `{"result":1,"data":{"companyList":{},"count":0}}`,
		`{"result":1,"data":[1]}`, `{"result":1,"data":"x"}`, `{"result":1,"data":{},"data":{}}`,
		`{"result":1,"count":null,"data":{"count":7}}`, `{"result":1,"count":9,"data":{"count":null}}`,
		`{"result":1,"count":-1}`, `{"result":1,"count":1.0}`, `{"result":1,"count":true}`, `{"result":1,"count":"x"}`,
		`{"result":1,"count":[1]}`, `{"result":1,"count":99999999999999999999}`, `{"result":[1],"msg":{}}`,
		`{"result":1,"extra":{"companyList":[1,2]},"data":{"more":[[[{}]]],"count":1}}`,
		strings.Replace(page(one), "uniscId", `\u0075niscId`, 1),
		strings.Replace(page(one), "太原", `\u592a\u539f\ud83d\ude00\n`, 1),
		strings.Replace(page(one), "太原", `\ud83d`, 1),
		strings.Replace(page(one), "太原", "\xe5\xa4", 1),
		page(one) + " ", page(one) + "x", page(one)[1:], page(one)[:100], "\ufeff" + page(one),
	}
	for _, c := range records() {
		list = append(list, page(c.record, one))
	}
	return list
}

type recordCase struct {
	name, record string
	code         string // of the rejection
	row, notes   string
}

// records are the records that need care, and what becomes of them.
func records() []recordCase {
	r := func(id, name, grade string) string {
		return `{"uniscId":` + id + `,"enterpriseName":` + name + `,"assessGrade":` + grade + `}`
	}
	const id = `"91140107MA0GT3RT7Y"`
	return []recordCase{
		{"good", r(id, `"丙"`, `"AA"`), "", "[91140107MA0GT3RT7Y 丙 AA]", "map[]"},
		{"blemishes", r(`"’ 91140107ma0gt3rt7y’"`, `"\u3000丙 \n"`, `"Ａ "`), "", "[91140107MA0GT3RT7Y 丙 A]", "map[]"},
		{"full width", r(`"９１１４０１０７ＭＡ０ＧＴ３ＲＴ７Ｙ"`, `"ＡＢ丙"`, `"“b”"`), "", "[91140107MA0GT3RT7Y ＡＢ丙 B]", "map[]"},
		{"more members", `{"x":[{"uniscId":1}],"assessGrade":"D","uniscId":` + id + `,"y":null}`, "", "[91140107MA0GT3RT7Y <nil> D]", "map[no enterpriseName:1]"},
		{"empty name", r(id, `" "`, `"C"`), "", "[91140107MA0GT3RT7Y  C]", "map[no enterpriseName:1]"},
		{"no name", r(id, `null`, `"C"`), "", "[91140107MA0GT3RT7Y <nil> C]", "map[no enterpriseName:1]"},
		{"pilot code", r(`"91350100M0001TGQXM"`, `"丙"`, `"C"`), "", "[91350100M0001TGQXM 丙 C]", "map[uscc check digit:1]"},
		{"short code", r(`"9114010"`, `"丙"`, `"C"`), "uscc", "", "map[]"},
		{"letter in code", r(`"9114010IMA0GT3RT7Y"`, `"丙"`, `"C"`), "uscc", "", "map[]"},
		{"no code", r(`null`, `"丙"`, `"C"`), "uscc", "", "map[]"},
		{"code is a number", r(`911400001100123440`, `"丙"`, `"C"`), "type", "", "map[]"},
		{"name is a number", r(id, `7`, `"C"`), "type", "", "map[]"},
		{"grade is a boolean", r(id, `"丙"`, `true`), "type", "", "map[]"},
		{"unknown grade", r(id, `"丙"`, `"E"`), "grade", "", "map[]"},
		{"no grade", r(id, `"丙"`, `null`), "grade", "", "map[]"},
		{"empty grade", r(id, `"丙"`, `""`), "grade", "", "map[]"},
		{"broken name", r(id, "\"丙\xff\"", `"A"`), "utf-8", "", "map[]"},
		{"half a pair", r(id, `"\ud83d"`, `"A"`), "utf-8", "", "map[]"},
		{"code twice", `{"uniscId":"91140107MA0GT3RT7Y","uniscId":"911400001100123440","assessGrade":"A"}`, "json", "", "map[]"},
	}
}

func TestRecords(t *testing.T) {
	for _, c := range records() {
		t.Run(c.name, func(t *testing.T) {
			a, err := decode([]byte(page(c.record, one)), window{0, 1000}, digitsWarn)
			if err != nil || a.fault != "" || a.places != 2 {
				t.Fatal(err, a)
			}
			good := feed.Batch{Columns: feed.TextColumns(codeName, nameName, gradeName), Values: a.values}
			if want := "[91140107MA0GT3RT7Y 太原市测试科技有限公司 A]"; fmt.Sprint(good.Row(good.Len()-1)) != want {
				t.Errorf("the record behind it is %v", good.Row(good.Len()-1))
			}
			switch {
			case c.code == "" && (good.Len() != 2 || fmt.Sprint(good.Row(0)) != c.row):
				t.Errorf("row %v, want %s; rejected %v", good.Row(0), c.row, a.rejected)
			case c.code != "" && (len(a.rejected) != 1 || a.rejected[0].Code != c.code || a.rejected[0].Row != 0 || a.rejected[0].Reason == ""):
				t.Errorf("rejected %+v, want %s", a.rejected, c.code)
			case fmt.Sprint(a.notes) != c.notes:
				t.Errorf("notes %v, want %s", a.notes, c.notes)
			}
		})
	}
}

func TestCheckDigitSettings(t *testing.T) {
	body := []byte(page(`{"uniscId":"91350100M0001TGQXM","enterpriseName":"丙","assessGrade":"C"}`))
	for digits, want := range map[string]string{digitsOff: "1 0 map[]", digitsWarn: "1 0 map[uscc check digit:1]", digitsReject: "0 1 map[]"} {
		a, err := decode(body, window{0, 1000}, digits)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(len(a.values)/width, len(a.rejected), a.notes); got != want {
			t.Errorf("%s: %s, want %s", digits, got, want)
		}
	}
}

func TestRejectionsKeepTheRecordOnly(t *testing.T) {
	a, err := decode([]byte(page(`{"uniscId":911400,"enterpriseName":"丙"}`)), window{0, 1000}, digitsWarn)
	if err != nil || len(a.rejected) != 1 {
		t.Fatal(err, a)
	}
	if got := fmt.Sprint(a.rejected[0].Record); got != "map[enterpriseName:丙 uniscId:911400]" {
		t.Errorf("record %s", got)
	}
	if strings.Contains(a.rejected[0].Reason, "911400") {
		t.Errorf("the reason quotes the record: %s", a.rejected[0].Reason)
	}
}
