package config

import (
	"fmt"
	"slices"
)

// unmasked refuses masks of cursor columns: a source that has a key cursor keeps the values of those columns in the state
// file, to go on behind them.
func (r *reader) unmasked(j *Job, source end, k *keys) {
	if source.connection == nil {
		return
	}
	e := source.table.find("cursor")
	if e == nil {
		return
	}
	columns, _ := plain(e.value).([]any)
	for column := range j.Mask {
		if !slices.Contains(columns, any(column)) {
			continue
		}
		o := k.origin["mask."+column]
		r.report(Error, o.at, o.path, fmt.Sprintf("%s is a cursor column of job %s, and the cursor is kept in the state file in clear", column, j.Name),
			"take a cursor column that holds nothing personal, a serial number or a time; or remove the mask")
	}
}

// enumerating are the settings of a source that may be one which is always read as a whole. Into a table or file that such
// a job writes nobody else may write: its next reading deletes what is not its own.
type enumerating interface{ Enumerates() bool }

// writer is a job and the table or file it writes.
type writer struct {
	job, target string
	replaces    bool // what is there, by what it read
	at          span
	path        string
}

func newWriter(j *Job, sink end) writer {
	if sink.connection == nil || !j.Enabled {
		return writer{}
	}
	source, known := j.Source.Settings.(enumerating)
	for _, key := range []string{"table", "path"} {
		if e := sink.table.find(key); e != nil {
			if text, ok := e.value.(string); ok {
				return writer{j.Name, sink.connection.Name + "\x00" + key + "\x00" + text, known && source.Enumerates(), e.at, sink.sub(key)}
			}
		}
	}
	return writer{}
}

// collisions finds jobs that write into the same place: an error when both replace what is there, else a warning.
func (r *reader) collisions(writers []writer) {
	first := map[string]writer{}
	for _, w := range writers {
		if w.target == "" {
			continue
		}
		other, ok := first[w.target]
		switch {
		case !ok:
			first[w.target] = w
		case w.replaces && other.replaces:
			r.report(Error, w.at, w.path, fmt.Sprintf("the jobs %s and %s both replace all that is there: each would delete the other's records", other.job, w.job),
				"give each job its own")
		default:
			r.report(Warning, w.at, w.path, "job "+other.job+" writes there too", "give each job its own, unless both write different records")
			if w.replaces {
				first[w.target] = w
			}
		}
	}
}
