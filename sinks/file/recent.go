package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
)

// window is how many of the last lines are remembered; of twice as many at most.
const window = 1 << 17

// recent remembers the content of the last lines by key. The older half is dropped when the newer one is full.
type recent struct {
	newer, older map[uint64]uint64
}

// has says whether the last line with the mark's key has the mark's content.
func (r *recent) has(m mark) bool {
	if content, ok := r.newer[m.key]; ok {
		return content == m.content
	}
	content, ok := r.older[m.key]
	return ok && content == m.content
}

func (r *recent) add(m mark) {
	if len(r.newer) >= window || r.newer == nil {
		r.newer, r.older = make(map[uint64]uint64), r.newer
	}
	r.newer[m.key] = m.content
}

// survey is what is in a file.
type survey struct {
	header []byte // the first record of a CSV file
	lines  int64  // records, without the header
	end    int64  // behind the last record that is whole
	torn   []byte // what stands behind it
}

// records cuts a file into records and hands them on, with their line ends; quotes in CSV may hold line ends. After a
// header, records are counted from 0.
func records(in io.Reader, csv bool, do func(n int64, record []byte) error) (survey, error) {
	s := survey{}
	lines := bufio.NewReaderSize(in, 256<<10)
	var record []byte
	for quotes := 0; ; {
		part, err := lines.ReadSlice('\n')
		record = append(record, part...)
		if csv {
			quotes += bytes.Count(part, []byte{'"'})
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			s.torn = record
			return s, nil
		case err != nil:
			return s, err
		case quotes%2 == 1:
			continue
		}
		s.end += int64(len(record))
		if csv && s.header == nil {
			s.header = bytes.Clone(record)
		} else {
			if err := do(s.lines, record); err != nil {
				return s, err
			}
			s.lines++
		}
		record = record[:0]
	}
}

// recall reads the last lines of a file that was surveyed.
func (r *recent) recall(in io.Reader, f *form, seed maphash.Seed, s survey) error {
	_, err := records(in, f.csv, func(n int64, record []byte) error {
		if n >= s.lines-window {
			r.add(f.mark(seed, record))
		}
		return nil
	})
	return err
}

// whole says that a last line without line end lacks nothing else: a JSON object.
func whole(torn []byte) bool {
	torn = bytes.TrimSpace(torn)
	return len(torn) > 0 && torn[0] == '{' && json.Valid(torn)
}
