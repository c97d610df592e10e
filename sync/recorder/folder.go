package recorder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// indexName is the file that makes a folder a recording.
const indexName = "index.json"

// layout is the layout of the files; a reader refuses another one.
const layout = 1

// Index says what a recording is of.
type Index struct {
	Layout      int          `json:"layout"`
	Milkrun     string       `json:"milkrun"` // the version that wrote it
	RecordedAt  time.Time    `json:"recorded_at"`
	Job         string       `json:"job"`
	PullOnly    bool         `json:"pull_only"` // pages were read and nothing was delivered
	Cursor      string       `json:"cursor,omitempty"`
	From        string       `json:"from,omitempty"`
	To          string       `json:"to,omitempty"`
	PageSize    int          `json:"page_size"`
	Connections []Connection `json:"connections"`
	Limit       int          `json:"limit"`
	Exchanges   int          `json:"exchanges"`
	LeftOut     int          `json:"left_out"` // exchanges above the limit
	Note        string       `json:"note,omitempty"`
}

// Connection is a partner in a recording.
type Connection struct {
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	Side     Side           `json:"side"`
	URL      string         `json:"url"`
	Settings map[string]any `json:"settings"` // without secrets: of those, only that they are there
	Resource map[string]any `json:"resource"` // the settings of source or sink
}

// Folder is a recording that is being written. Nobody but its owner may read it.
type Folder struct{ dir string }

// Create makes the folder of a new recording. One that is there already must be empty.
func Create(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the recording: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking into the folder of the recording: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("the folder %s is not empty; name another one with --out, so that no recording is mixed with others", dir)
	}
	return &Folder{dir}, os.Chmod(dir, 0o700) //nolint:gosec // a folder needs its x; nobody else gets anything
}

// Keep writes an exchange.
func (f *Folder) Keep(e Exchange) error {
	return f.write(fileName(e), format(e))
}

// fileName sorts as the requests were sent, and says what was asked.
func fileName(e Exchange) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.Trim(e.Request.Path, "/"))
	clean = strings.Trim(clean, "-.")
	return fmt.Sprintf("%06d-%s-%s.txt", e.Number, e.Request.Method, clean[:min(len(clean), 80)])
}

// Finish writes the index, which makes the folder a recording.
func (f *Folder) Finish(i Index) error {
	i.Layout = layout
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the index of the recording: %w", err)
	}
	return f.write(indexName, append(text, '\n'))
}

func (f *Folder) write(name string, data []byte) (err error) {
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the recording: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err = file.Write(data); err != nil {
		return fmt.Errorf("writing the recording: %w", err)
	}
	return nil
}

// Recording is what a folder holds.
type Recording struct {
	Index
	List []Exchange // in the order of sending
}

// Is says whether a folder is a recording.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, indexName))
	return err == nil && info.Mode().IsRegular()
}

// Read reads a recording. Errors name the file, and in it the line.
func Read(dir string) (*Recording, error) {
	r := &Recording{}
	if err := r.readIndex(filepath.Join(dir, indexName)); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "[0-9]*.txt"))
	if err != nil {
		return nil, fmt.Errorf("reading the recording: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		e, err := readFile(name)
		if err != nil {
			return nil, err
		}
		r.List = append(r.List, e)
	}
	r.Sort()
	return r, nil
}

// Sort puts the exchanges into the order of sending.
func (r *Recording) Sort() {
	slices.SortStableFunc(r.List, func(a, b Exchange) int { return a.Number - b.Number })
}

func (r *Recording) readIndex(path string) error {
	data, err := readSome(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no recording: it has no %s; milkrun record JOB --out DIR makes one", filepath.Dir(path), indexName)
	}
	if err != nil {
		return fmt.Errorf("reading the recording: %w", err)
	}
	if err := json.Unmarshal(data, &r.Index); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if r.Layout != layout {
		return fmt.Errorf("%s: this recording has layout %d, and this milkrun reads layout %d: record it again", path, r.Layout, layout)
	}
	return nil
}

func readFile(path string) (Exchange, error) {
	data, err := readSome(path)
	if err != nil {
		return Exchange{}, fmt.Errorf("reading the recording: %w", err)
	}
	e, err := unformat(string(data))
	if err != nil {
		return Exchange{}, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// mostFile is how large a file of a recording can be: indented JSON is some times its original.
const mostFile = 8 * mostBody

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, mostFile))
	return data, errors.Join(err, f.Close())
}
