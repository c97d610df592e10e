package file

import (
	"bytes"
	"fmt"

	"milkrun/sync/feed"
)

// quoteState reads one line of CSV, without its end, from the beginning of a record or, when open, from within quotes.
// It says whether the line ends within quotes, whether these opened in it, and whether all quotes stand where they may.
func quoteState(line []byte, open bool) (stillOpen, opened, ok bool) {
	for {
		if !open {
			if len(line) == 0 || line[0] != '"' {
				field, rest, more := bytes.Cut(line, []byte{','})
				if bytes.IndexByte(field, '"') >= 0 {
					return false, opened, false
				}
				if !more {
					return false, opened, true
				}
				line = rest
				continue
			}
			line, opened = line[1:], true
		}
		open = true
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return true, opened, true
		}
		line = line[i+1:]
		switch {
		case len(line) == 0:
			return false, opened, true
		case line[0] == '"': // a doubled quote is one of the text
		case line[0] == ',':
			open = false
		default:
			return open, opened, false
		}
		line = line[1:]
	}
}

// csvField is one field, and whether it stood in quotes.
type csvField struct {
	text   string
	quoted bool
}

// splitCSV cuts a record whose quotes are in order into its fields.
func splitCSV(record []byte) []csvField {
	var fields []csvField
	for {
		if len(record) == 0 || record[0] != '"' {
			text, rest, more := bytes.Cut(record, []byte{','})
			fields = append(fields, csvField{text: string(text)})
			if !more {
				return fields
			}
			record = rest
			continue
		}
		end := closingQuote(record)
		text := bytes.ReplaceAll(record[1:end], []byte(`""`), []byte{'"'})
		fields = append(fields, csvField{string(text), true})
		if end+1 >= len(record) {
			return fields
		}
		record = record[end+2:]
	}
}

// closingQuote is where the quoted field at the beginning of a record ends.
func closingQuote(record []byte) int {
	for i := 1; ; i += 2 {
		j := bytes.IndexByte(record[i:], '"')
		if j < 0 {
			return len(record)
		}
		if i += j; i+1 >= len(record) || record[i+1] != '"' {
			return i
		}
	}
}

// csvDecoder turns records into rows: column i is field at[i].
type csvDecoder struct {
	fields int
	at     []int
}

func (d *csvDecoder) decode(record []byte, row []feed.Value, _ func(note string)) *bad {
	fields := splitCSV(record)
	if len(fields) != d.fields {
		return &bad{"fields", fmt.Sprintf("%d fields where the header has %d", len(fields), d.fields)}
	}
	for i, at := range d.at {
		if f := fields[at]; f.quoted || f.text != "" {
			row[i] = f.text
		}
	}
	return nil
}

// newCSVDecoder reads the header. With columns given, those are read and must be there.
func newCSVDecoder(header []byte, columns []string) (*csvDecoder, *feed.Columns, error) {
	fields := splitCSV(header)
	names := make([]string, len(fields))
	for i, f := range fields {
		if names[i] = f.text; f.text == "" {
			return nil, nil, fmt.Errorf("the header does not name column %d", i+1)
		}
	}
	if name, twice := repeated(names); twice {
		return nil, nil, fmt.Errorf("the header names the column %q twice", name)
	}
	if len(columns) == 0 {
		columns = names
	}
	there, d := feed.TextColumns(names...), &csvDecoder{fields: len(names)}
	for _, c := range columns {
		at, ok := there.Index(c)
		if !ok {
			return nil, nil, fmt.Errorf("the column %q is not in the header", c)
		}
		d.at = append(d.at, at)
	}
	return d, feed.TextColumns(columns...), nil
}
