package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	maxRecord = 16 << 20 // bytes of one record
	maxPage   = 32 << 20 // bytes after which a page is ended
)

// The ends of a file at which somebody may be still writing; the scanner stands before the record then.
var (
	// errTorn: the last line has no line end, and something may be missing from it.
	errTorn = errors.New("the last line is not finished")
	// errOpen: a quoted field goes on over line ends up to the end of the file.
	errOpen = errors.New("a quoted field is not closed before the file ends")
)

// place is a place between two lines of a file.
type place struct{ line, offset int64 }

// bad is why a record cannot be read.
type bad struct{ code, reason string }

// scanner cuts a file into records.
type scanner struct {
	file    io.ReadSeeker
	in      *bufio.Reader
	csv     bool
	fields  int   // of a CSV record, 0 before the header
	settled bool  // nobody is writing to the file
	at      place // behind the last record
	start   place // before it
	opened  int64 // the line in which its last quoted field begins, from 1
	record  []byte
}

// newScanner begins at a place; at the beginning of the file it passes over a byte order mark.
func newScanner(file io.ReadSeeker, csv, settled bool, at place) (*scanner, error) {
	s := &scanner{file: file, in: bufio.NewReaderSize(nil, 64<<10), csv: csv, settled: settled}
	if err := s.seek(at); err != nil {
		return nil, err
	}
	if at.offset == 0 {
		if mark, _ := s.in.Peek(3); string(mark) == "\ufeff" {
			n, _ := s.in.Discard(3)
			s.at.offset += int64(n)
		}
	}
	return s, nil
}

func (s *scanner) seek(at place) error {
	_, err := s.file.Seek(at.offset, io.SeekStart)
	s.in.Reset(s.file)
	s.at = at
	return err
}

// next returns the next record without its line end, or why it is none. It is valid until the next call. The error is
// io.EOF, [errTorn], [errOpen], or one of reading.
func (s *scanner) next() ([]byte, *bad, error) {
	for {
		s.start, s.record = s.at, s.record[:0]
		first, ended, err := s.line()
		switch {
		case err != nil:
			return nil, nil, err
		case s.blank(first) && !ended:
			return nil, nil, s.wait(io.EOF)
		case s.blank(first):
			continue
		case s.csv:
			return s.quoted(ended)
		case !ended && !wholeObject(first):
			return nil, nil, s.wait(errTorn)
		}
		return trimEnd(first), s.tooLong(), nil
	}
}

// quoted goes on over line ends within quotes. Of a record that cannot be read only the first line is given up, and
// reading goes on with the next one: a quote that somebody forgot to close must not swallow the records behind it.
func (s *scanner) quoted(ended bool) ([]byte, *bad, error) {
	behind, scanned, open, end := s.at, 0, false, false
	for {
		still, opened, ok := quoteState(trimEnd(s.record[scanned:]), open)
		if open = still; opened {
			s.opened = s.at.line
		}
		goesOn := s.at != behind || end // over the end of its first line
		switch {
		case !ended && !s.settled && goesOn:
			return nil, nil, s.wait(errOpen)
		case !ended && !goesOn && (!s.settled || open || !ok || s.lacks()):
			return nil, nil, s.wait(errTorn)
		case !goesOn && s.tooLong() != nil:
			return nil, s.tooLong(), nil
		case ok && !open:
			return s.closed(behind)
		case !ok || !ended || s.tooLong() != nil:
			return nil, s.unclosed(ok, goesOn), s.seek(behind)
		}
		scanned = len(s.record)
		var err error
		if _, ended, err = s.line(); errors.Is(err, io.EOF) {
			end = true
		} else if err != nil {
			return nil, nil, err
		}
	}
}

// closed returns a record whose quotes are in order. One of several lines with another number of fields than the header
// most probably is several records with a quote too few.
func (s *scanner) closed(behind place) ([]byte, *bad, error) {
	record := trimEnd(s.record)
	if n := len(splitCSV(record)); s.at != behind && s.fields > 0 && n != s.fields {
		lines := s.at.line - s.start.line
		return nil, &bad{"quote", fmt.Sprintf("with quotes that go on over %d lines it has %d fields where the header has %d; is a quote not closed?",
			lines, n, s.fields)}, s.seek(behind)
	}
	return record, nil, nil
}

// unclosed says what is wrong with the quotes of a record that is given up.
func (s *scanner) unclosed(ok, goesOn bool) *bad {
	switch {
	case !goesOn && !ok:
		return &bad{"quote", "a quote stands where none may"}
	case !ok:
		return &bad{"quote", fmt.Sprintf("the quoted field that begins in line %d is not closed: line %d has a quote where none may stand", s.opened, s.at.line)}
	case s.tooLong() != nil:
		return &bad{"quote", fmt.Sprintf("the quoted field that begins in line %d is not closed within 16 MiB", s.opened)}
	}
	return &bad{"quote", fmt.Sprintf("the quoted field that begins in line %d is not closed before the file ends", s.opened)}
}

// lacks says that a line has fewer fields than the header.
func (s *scanner) lacks() bool { return len(splitCSV(trimEnd(s.record))) < s.fields }

// wait goes back to before the record, so that it is read again.
func (s *scanner) wait(reason error) error {
	if err := s.seek(s.start); err != nil {
		return err
	}
	return reason
}

// blank says that a line holds nothing. In CSV spaces are a value.
func (s *scanner) blank(line []byte) bool {
	return len(trimEnd(line)) == 0 || !s.csv && len(bytes.TrimSpace(line)) == 0
}

func (s *scanner) tooLong() *bad {
	if len(s.record) > maxRecord {
		return &bad{"too long", "the record is longer than 16 MiB"}
	}
	return nil
}

// line adds the next line to the record, of one that is too long only so much that this can be seen. It says whether
// the line has an end; io.EOF means that there is no further byte.
func (s *scanner) line() (line []byte, ended bool, err error) {
	from, offset := len(s.record), s.at.offset
	for {
		part, err := s.in.ReadSlice('\n')
		s.at.offset += int64(len(part))
		if len(s.record) <= maxRecord {
			s.record = append(s.record, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil:
			s.at.line++
			return s.record[from:], true, nil
		case !errors.Is(err, io.EOF):
			return nil, false, err
		case s.at.offset == offset:
			return nil, false, io.EOF
		}
		s.at.line++
		return s.record[from:], false, nil
	}
}

// trimEnd cuts off the line end, LF or CRLF.
func trimEnd(line []byte) []byte {
	if line, ok := bytes.CutSuffix(line, []byte("\n")); ok {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return bytes.TrimSuffix(line, []byte("\r"))
}

// wholeObject says that nothing can be missing from a line: a JSON object ends with its brace.
func wholeObject(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}
