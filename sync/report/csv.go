package report

import (
	"bufio"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"milkrun/sync/audit"
)

// CSV writes each table into a file of its own in a folder, which is made when there is none: partners.csv, slots.csv,
// quality.csv, reasons.csv, traffic.csv, timeliness.csv, incidents.csv, days.csv. Numbers are plain, times RFC 3339, spans
// milliseconds, shares percent; the headings name the units.
func (r *Report) CSV(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for _, t := range r.tables() {
		if err := t.write(filepath.Join(folder, t.Name+".csv")); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) write(path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640) //nolint:gosec // the folder's group reads reports
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	_, _ = out.WriteString("\uFEFF") // so that spreadsheets read Chinese; Flush tells of errors
	w := csv.NewWriter(out)
	rows := append([][]cell{t.Head}, t.Rows...)
	if len(t.Foot) > 0 {
		rows = append(rows, t.Foot)
	}
	for _, row := range rows {
		line := make([]string, len(t.Head))
		for i, c := range slices.All(row) {
			line[i] = audit.Cell(c.Raw)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(w.Error(), out.Flush())
}
