package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

const (
	maxRecord = 16 << 20 // bytes of one record
	maxPage   = 32 << 20 // bytes after which a page is ended
)

// errUnfinished says that the file ends in a line that may be still being written.
var errUnfinished = errors.New("the last line is not finished")

// place is a place between two lines of a file.
type place struct{ line, offset int64 }

// bad is why a record cannot be read.
type bad struct{ code, reason string }

// scanner cuts a file into records.
type scanner struct {
	file    io.ReadSeeker
	in      *bufio.Reader
	csv     bool
	settled bool  // nobody is writing to the file: its last line is finished
	at      place // behind the last record
	start   place // before it
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
// io.EOF, [errUnfinished] (the scanner stands before that line then), or one of reading.
func (s *scanner) next() ([]byte, *bad, error) {
	for {
		s.start, s.record = s.at, s.record[:0]
		first, ended, err := s.line()
		if err != nil {
			return nil, nil, err
		}
		if s.blank(first) && (ended || s.settled) {
			continue
		}
		if s.csv {
			return s.quoted(ended)
		}
		if !ended && !s.settled && !wholeObject(first) {
			return nil, nil, s.unfinished()
		}
		return trimEnd(first), s.tooLong(), nil
	}
}

// quoted goes on over line ends within quotes. When the quotes are not in order only the first line is given up.
func (s *scanner) quoted(ended bool) ([]byte, *bad, error) {
	behind, scanned, open := s.at, 0, false
	for {
		ok := true
		if long := s.tooLong(); long == nil {
			open, ok = quoteState(trimEnd(s.record[scanned:]), open)
		} else if s.at == behind {
			return nil, long, nil
		}
		switch {
		case !ended && !s.settled:
			return nil, nil, s.unfinished()
		case !ok:
			return nil, &bad{"quote", "a quote stands where none may"}, s.seek(behind)
		case !open:
			return trimEnd(s.record), nil, nil
		case !ended || s.tooLong() != nil:
			return nil, &bad{"quote", "a quote is not closed"}, s.seek(behind)
		}
		scanned = len(s.record)
		var err error
		if _, ended, err = s.line(); err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
	}
}

func (s *scanner) unfinished() error {
	if err := s.seek(s.start); err != nil {
		return err
	}
	return errUnfinished
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
