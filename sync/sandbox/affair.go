package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Affair is one record of 晋来办's busipush interface.
type Affair struct {
	ID         string `json:"id"`
	UserID     string `json:"user_id"`
	UserPhone  string `json:"user_phone"`
	UserName   string `json:"user_name"`
	BusiItem   string `json:"busi_item"`
	BusiDetail string `json:"busi_detail"`
	CreateDate string `json:"create_date"`
}

// affairFields are the fields of a record in the order of the document, as fields and fieldIndex count them.
func affairFields() [7]string {
	return [7]string{"id", "user_id", "user_phone", "user_name", "busi_item", "busi_detail", "create_date"}
}

// fields are the values of one record, still in the buffer of the request.
type fields [7][]byte

func (f *fields) affair() Affair {
	return Affair{string(f[0]), string(f[1]), string(f[2]), string(f[3]), string(f[4]), string(f[5]), string(f[6])}
}

func fieldIndex(name []byte) int {
	switch string(name) {
	case "id":
		return 0
	case "user_id":
		return 1
	case "user_phone":
		return 2
	case "user_name":
		return 3
	case "busi_item":
		return 4
	case "busi_detail":
		return 5
	case "create_date":
		return 6
	}
	return -1
}

// scanAffairs reads a JSON array of records in one pass and calls each for every one; the values are good until
// it returns. A hand-written reader, because in
// a benchmark the stand-in shares the machine with what is measured.
func scanAffairs(data []byte, each func(*fields) error) (n int, err error) {
	if !utf8.Valid(data) {
		return 0, errors.New("不是合法的UTF-8")
	}
	s, f := scanner{b: data}, new(fields)
	if !s.take('[') {
		return 0, errors.New("不是JSON数组")
	}
	for more := !s.take(']'); more; n++ {
		if err = s.record(f); err == nil {
			err = each(f)
		}
		if err != nil {
			return n, fmt.Errorf("第%d条: %w", n+1, err)
		}
		if more = s.take(','); !more && !s.take(']') {
			return n, fmt.Errorf("第%d条之后既无逗号也无右方括号", n+1)
		}
	}
	if s.space(); s.i < len(s.b) {
		return n, errors.New("数组之后有多余内容")
	}
	return n, nil
}

type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// take skips white space and then c, if it stands there.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// record reads one object of exactly the seven fields, each once and a string.
func (s *scanner) record(f *fields) error {
	if !s.take('{') {
		return errors.New("不是JSON对象")
	}
	seen := 0
	for more := !s.take('}'); more; {
		name, err := s.text()
		if err != nil {
			return fmt.Errorf("字段名: %w", err)
		}
		at := fieldIndex(name)
		if at < 0 || seen&(1<<at) != 0 {
			return fmt.Errorf("字段 %.40q 未定义或重复", name)
		}
		seen |= 1 << at
		if !s.take(':') {
			return fmt.Errorf("字段 %s 之后无冒号", name)
		}
		if f[at], err = s.text(); err != nil {
			return fmt.Errorf("字段 %s: %w", name, err)
		}
		if more = s.take(','); !more && !s.take('}') {
			return fmt.Errorf("字段 %s 之后既无逗号也无右花括号", name)
		}
	}
	for i, name := range affairFields() {
		if seen&(1<<i) == 0 {
			return fmt.Errorf("缺少字段 %s", name)
		}
	}
	return nil
}

// text reads a JSON string. Without escapes the result is a piece of the buffer.
func (s *scanner) text() ([]byte, error) {
	if !s.take('"') {
		return nil, errors.New("须为字符串")
	}
	rest, escaped := s.b[s.i:], false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			token := s.b[s.i-1 : s.i+i+1]
			s.i += i + 1
			if escaped {
				return unquote(token)
			}
			return token[1 : i+1], nil
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, errors.New("字符串中有控制字符")
		}
	}
	return nil, errors.New("字符串没有结束")
}

func unquote(token []byte) ([]byte, error) {
	var text string
	if err := json.Unmarshal(token, &text); err != nil {
		return nil, errors.New("转义不合法")
	}
	return []byte(text), nil
}

// checkAffair applies what the document says of single fields.
func checkAffair(f *fields) error {
	for _, i := range [...]int{0, 3} {
		if len(bytes.TrimSpace(f[i])) == 0 {
			return fmt.Errorf("字段 %s 为空", affairFields()[i])
		}
	}
	if !validTime(f[6]) {
		return errors.New("字段 create_date 不是 yyyy-MM-dd HH:mm:ss")
	}
	return nil
}

// validTime says whether b is a time that exists, written yyyy-MM-dd HH:mm:ss.
func validTime(b []byte) bool {
	const layout = "0000-00-00 00:00:00"
	if len(b) != len(layout) {
		return false
	}
	for i := range layout {
		if digit := b[i] >= '0' && b[i] <= '9'; digit != (layout[i] == '0') || !digit && b[i] != layout[i] {
			return false
		}
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) && two(11) < 24 && two(14) < 60 && two(17) < 60
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
