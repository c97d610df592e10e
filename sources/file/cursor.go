package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"milkrun/sync/feed"
)

type cursorJSON struct {
	Line   *int64 `json:"line"`
	Offset *int64 `json:"offset"`
}

func (p place) cursor() feed.Cursor {
	return feed.Cursor(fmt.Sprintf(`{"line":%d,"offset":%d}`, p.line, p.offset))
}

// CheckCursor returns a cursor in its normal form.
func (s *Source) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	if c == "" {
		return "", nil
	}
	at, err := parseCursor(c)
	if err != nil {
		return "", err
	}
	return at.cursor(), nil
}

func parseCursor(c feed.Cursor) (place, error) {
	if c == "" {
		return place{}, nil
	}
	var j cursorJSON
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	err := d.Decode(&j)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) ||
		j.Line == nil || j.Offset == nil || *j.Line < 0 || *j.Offset < 0 {
		return place{}, feed.Errorf(feed.HaltJob, "cursor",
			`the cursor %q is none; write the lines and bytes that were read, as {"line":120,"offset":4096}`, c).
			WithRemedy("set the job's checkpoint, or reset it to read the file from its beginning")
	}
	return place{*j.Line, *j.Offset}, nil
}
