package audit

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// Record is a row as it is exported: what is hashed, in its order, and the hash.
type Record struct {
	Seq        int64  `json:"seq"`
	Kind       string `json:"kind"`
	At         string `json:"at"`
	Took       int64  `json:"took_ms"`
	Job        string `json:"job"`
	Run        int64  `json:"run"`
	Trigger    string `json:"trigger"`
	Operator   string `json:"operator"`
	Connection string `json:"connection"`
	Interface  string `json:"interface"`
	Purpose    string `json:"purpose"`
	Direction  string `json:"direction"`
	Batch      string `json:"batch"`
	Records    int64  `json:"records"`
	Rejected   int64  `json:"rejected"`
	Bytes      int64  `json:"bytes"`
	Digest     string `json:"digest"`
	Key        string `json:"key"`
	Status     string `json:"status"`
	Code       string `json:"code"`
	Hash       string `json:"hash"`
}

// View returns the row as it is exported.
func (r *Row) View() Record {
	return Record{Seq: r.Seq, Kind: r.Kind, At: Stamp(r.At), Took: r.Took.Milliseconds(), Job: r.Job, Run: r.RunID, Trigger: r.Trigger,
		Operator: r.Operator, Connection: r.Connection, Interface: r.Interface, Purpose: r.Purpose, Direction: r.Direction, Batch: r.Batch,
		Records: r.Records, Rejected: r.Rejected, Bytes: r.Bytes, Digest: r.Digest.String(), Key: r.Key, Status: r.Status, Code: r.Code,
		Hash: r.Hash.String()}
}

// Writer writes rows for somebody else.
type Writer interface {
	Write(r Row) error
	// Close writes what is still to be written; the stream behind it stays open.
	Close() error
}

// byteOrderMark lets spreadsheets read a CSV file as the UTF-8 it is.
const byteOrderMark = "\uFEFF"

type csvWriter struct{ *csv.Writer }

// NewCSV writes a header and a line a row.
func NewCSV(w io.Writer) (Writer, error) {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, err
	}
	c := csvWriter{csv.NewWriter(w)}
	return c, c.Writer.Write([]string{"seq", "kind", "at", "took_ms", "job", "run", "trigger", "operator", "connection", "interface", "purpose",
		"direction", "batch", "records", "rejected", "bytes", "digest", "key", "status", "code", "hash"})
}

// Write implements [Writer].
func (c csvWriter) Write(r Row) error {
	v, n := r.View(), func(n int64) string { return strconv.FormatInt(n, 10) }
	return c.Writer.Write([]string{n(v.Seq), v.Kind, v.At, n(v.Took), Cell(v.Job), n(v.Run), v.Trigger, Cell(v.Operator), Cell(v.Connection),
		Cell(v.Interface), Cell(v.Purpose), v.Direction, Cell(v.Batch), n(v.Records), n(v.Rejected), n(v.Bytes), v.Digest, v.Key, Cell(v.Status),
		Cell(v.Code), v.Hash})
}

// Close implements [Writer].
func (c csvWriter) Close() error {
	c.Flush()
	return c.Error()
}

// Cell is a text for a CSV file that a spreadsheet does not take for a formula: before what would be one stands a quote.
func Cell(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text // a code such as -13
	}
	return "'" + text
}

type jsonWriter struct {
	w     io.Writer
	comma string
}

// NewJSON writes one list of objects.
func NewJSON(w io.Writer) (Writer, error) {
	_, err := io.WriteString(w, "[")
	return &jsonWriter{w: w}, err
}

// Write implements [Writer].
func (j *jsonWriter) Write(r Row) error {
	text, err := json.Marshal(r.View())
	if err == nil {
		_, err = io.WriteString(j.w, j.comma+"\n  "+string(text))
	}
	j.comma = ","
	return err
}

// Close implements [Writer].
func (j *jsonWriter) Close() error {
	end := "]\n"
	if j.comma != "" {
		end = "\n]\n"
	}
	_, err := io.WriteString(j.w, end)
	return err
}
