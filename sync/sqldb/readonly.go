package sqldb

import (
	"context"
	"errors"
	"strings"
)

// ReadOnly runs fn in a transaction in which the database refuses every change. It is for text that a person wrote.
func (s *Session) ReadOnly(ctx context.Context, fn func() error) error {
	if s.d.file {
		return s.queryOnly(ctx, fn)
	}
	begin := "BEGIN READ ONLY"
	if s.d.Name == "mysql" {
		begin = "START TRANSACTION READ ONLY"
	}
	return s.within(ctx, begin, fn)
}

// queryOnly is ReadOnly of SQLite, where it is a switch of the connection. A connection on which it cannot be turned back
// is thrown away.
func (s *Session) queryOnly(ctx context.Context, fn func() error) error {
	if _, err := s.Exec(ctx, "PRAGMA query_only = 1"); err != nil {
		return err
	}
	err := fn()
	if _, back := s.Exec(context.WithoutCancel(ctx), "PRAGMA query_only = 0"); back != nil {
		s.inTx = true
		err = errors.Join(err, back)
	}
	return err
}

// CheckCondition refuses a text that is not surely one condition of SQL, fit to stand between brackets: one that ends the
// bracket or the statement, or begins a comment, and whatever the databases read differently (a backslash, $, #).
func CheckCondition(text string) error {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"', '`':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return errors.New("a quote is not closed")
			}
			if strings.ContainsAny(text[i+1:i+1+end], "\\\x00") {
				return errors.New("there is a backslash between quotes, which not every database reads as itself")
			}
			i += end + 1
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return errors.New("a bracket is closed that was not opened")
			}
		case ';', '\\', '$', '#', '?', 0:
			return errors.New("the sign " + strings.TrimSpace(string(c)) + " is not allowed in it")
		}
		if strings.HasPrefix(text[i:], "--") || strings.HasPrefix(text[i:], "/*") {
			return errors.New("there is a comment in it")
		}
	}
	switch {
	case depth > 0:
		return errors.New("a bracket is not closed")
	case strings.TrimSpace(text) == "":
		return errors.New("it is empty")
	}
	return nil
}
