package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The file of an exchange is a head of "name value" lines, then the request and the answer, an empty line before each:
//
//	exchange 1
//	connection credit
//	side pull
//	at 2026-11-22T09:00:01.123+08:00
//	took 12ms
//
//	request POST /getEnterpriseGrades
//	? page=1                          the query, a line each
//	Content-Type: application/json    the header
//	body json, 87 bytes
//	  {                               the body, two spaces before each line
//	    "accessid": "[secret]"
//	  }
//
//	answer 200
//	…
//
// In place of an answer, or behind it, stands "error" with what went wrong.

const (
	timeForm   = time.RFC3339Nano
	bodyIndent = "  "
)

// format writes the file of an exchange.
func format(e Exchange) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "exchange %d\nconnection %s\nside %s\nat %s\ntook %s\n", e.Number, e.Connection, e.Side, e.At.Format(timeForm), e.Took)
	fmt.Fprintf(&b, "\nrequest %s %s\n", e.Request.Method, e.Request.Path)
	for _, p := range e.Request.Query {
		fmt.Fprintf(&b, "? %s=%s\n", p.Name, p.Value)
	}
	writeRest(&b, e.Request.Header, e.Request.Body)
	if e.Answer != nil {
		fmt.Fprintf(&b, "\nanswer %d\n", e.Answer.Status)
		writeRest(&b, e.Answer.Header, e.Answer.Body)
	}
	if e.Error != "" {
		fmt.Fprintf(&b, "\nerror %s\n", oneLine(e.Error))
	}
	return b.Bytes()
}

func writeRest(b *bytes.Buffer, header []Pair, body Body) {
	for _, p := range header {
		fmt.Fprintf(b, "%s: %s\n", p.Name, p.Value)
	}
	switch body.Form {
	case NoBody, "":
		return
	case Omitted:
		fmt.Fprintf(b, "body %s, %d bytes", body.Form, body.Size)
		if body.Digest != "" {
			fmt.Fprintf(b, ", sha256 %s", body.Digest)
		}
		b.WriteByte('\n')
		return
	}
	fmt.Fprintf(b, "body %s, %d bytes\n", body.Form, body.Size)
	for line := range strings.SplitSeq(body.Text, "\n") {
		b.WriteString(bodyIndent + line + "\n")
	}
}

// lines reads a file line by line.
type lines struct {
	rest string
	at   int // the number of the line that was read last
}

func (l *lines) next() (string, bool) {
	if l.rest == "" {
		return "", false
	}
	l.at++
	line, rest, _ := strings.Cut(l.rest, "\n")
	l.rest = rest
	return line, true
}

// peek says whether the next line begins so.
func (l *lines) peek(prefix string) bool { return strings.HasPrefix(l.rest, prefix) && l.rest != "" }

func (l *lines) wrong(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", l.at, fmt.Errorf(format, args...))
}

// unformat reads the file of an exchange.
func unformat(data string) (Exchange, error) {
	l := &lines{rest: data}
	var e Exchange
	if err := l.head(&e); err != nil {
		return e, err
	}
	for {
		line, ok := l.next()
		if !ok {
			break
		}
		word, value, _ := strings.Cut(line, " ")
		var err error
		switch word {
		case "":
			continue
		case "request":
			err = l.request(&e, value)
		case "answer":
			err = l.answer(&e, value)
		case "error":
			e.Error = value
		default:
			err = l.wrong("%q is neither request, answer nor error", word)
		}
		if err != nil {
			return e, err
		}
	}
	if e.Request.Method == "" {
		return e, errors.New("there is no request in it")
	}
	return e, nil
}

func (l *lines) head(e *Exchange) error {
	for {
		line, ok := l.next()
		if !ok || line == "" {
			break
		}
		name, value, _ := strings.Cut(line, " ")
		var err error
		switch name {
		case "exchange":
			e.Number, err = strconv.Atoi(value)
		case "connection":
			e.Connection = value
		case "side":
			e.Side = Side(value)
		case "at":
			e.At, err = time.Parse(timeForm, value)
		case "took":
			e.Took, err = time.ParseDuration(value)
		default:
			err = errors.New("there is no such line in the head of an exchange")
		}
		if err != nil {
			return l.wrong("%s: %w", name, err)
		}
	}
	if e.Number < 1 {
		return errors.New("this is no file of an exchange: it does not begin with its number")
	}
	return nil
}

func (l *lines) request(e *Exchange, value string) (err error) {
	method, path, _ := strings.Cut(value, " ")
	if method == "" {
		return l.wrong("the request has no method")
	}
	e.Request = Request{Method: method, Path: path}
	for l.peek("? ") {
		line, _ := l.next()
		name, value, _ := strings.Cut(line[2:], "=")
		e.Request.Query = append(e.Request.Query, Pair{name, value})
	}
	e.Request.Header, e.Request.Body, err = l.message()
	return err
}

func (l *lines) answer(e *Exchange, value string) (err error) {
	a := &Answer{}
	if a.Status, err = strconv.Atoi(value); err != nil || a.Status < 100 || a.Status > 999 {
		return l.wrong("%q is no status", value)
	}
	e.Answer = a
	a.Header, a.Body, err = l.message()
	return err
}

// message reads header and body.
func (l *lines) message() (header []Pair, body Body, err error) {
	body.Form = NoBody
	for l.rest != "" && !l.peek("\n") {
		line, _ := l.next()
		if about, ok := strings.CutPrefix(line, "body "); ok {
			body, err = l.body(about)
			return header, body, err
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" {
			return nil, body, l.wrong("%q is no header", line)
		}
		header = append(header, Pair{name, value})
	}
	return header, body, nil
}

func (l *lines) body(about string) (b Body, err error) {
	parts := strings.Split(about, ", ")
	b.Form = Form(parts[0])
	for _, part := range parts[1:] {
		if size, ok := strings.CutSuffix(part, " bytes"); ok {
			if b.Size, err = strconv.Atoi(size); err != nil {
				return b, l.wrong("%q is no size", part)
			}
		}
		if sum, ok := strings.CutPrefix(part, "sha256 "); ok {
			b.Digest = sum
		}
	}
	switch b.Form {
	case Omitted:
		return b, nil
	case JSON, URLEncoded, Plain:
	default:
		return b, l.wrong("there is no body of the kind %q; there are json, form, text and omitted", string(b.Form))
	}
	at := l.at
	b.Text = l.indented()
	if b.Form == Plain {
		return b, nil
	}
	if b.tree, err = parse([]byte(b.Text)); err != nil {
		return b, fmt.Errorf("the body below line %d: %w", at, err)
	}
	if b.Form == URLEncoded && b.tree.kind != object {
		return b, fmt.Errorf("the body below line %d: a form is an object", at)
	}
	return b, nil
}

// indented reads the lines of a body.
func (l *lines) indented() string {
	var list []string
	for l.peek(bodyIndent) {
		line, _ := l.next()
		list = append(list, line[len(bodyIndent):])
	}
	return strings.Join(list, "\n")
}
