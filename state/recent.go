package state

import (
	"context"
	"strings"
)

// chunk is how many marks one statement writes: a statement costs more than a row.
const chunk = 100

// sqlMarks writes n places.
func sqlMarks(n int) string {
	rows := strings.Repeat(", (?1, ?)", n)[2:]
	return "INSERT INTO recent (job, place) VALUES " + rows + " ON CONFLICT DO NOTHING"
}

func (t *tx) mark(h hot, job string, places []string) error {
	args := []any{job}
	for len(places) > 0 {
		st, n := h.mark, 1
		if len(places) >= chunk {
			st, n = h.marks, chunk
		}
		args = args[:1]
		for _, place := range places[:n] {
			args = append(args, place)
		}
		if _, err := t.run(st, args...); err != nil {
			return err
		}
		places = places[n:]
	}
	return nil
}

// forget takes marks away.
func (t *tx) forget(job string, places []string) error {
	for _, place := range places {
		if err := t.exec("DELETE FROM recent WHERE job = ? AND place = ?", job, place); err != nil {
			return err
		}
	}
	return nil
}

// Recent returns the marked places of a job: where the records stand that it delivered lately.
func (s *Store) Recent(ctx context.Context, job string) (map[string]struct{}, error) {
	list, err := all(ctx, s.r, scanTo[string], "SELECT place FROM recent WHERE job = ?", job)
	if err != nil {
		return nil, explain(s.path, "reading the recent marks of job "+job, err)
	}
	set := make(map[string]struct{}, len(list))
	for _, place := range list {
		set[place] = struct{}{}
	}
	return set, nil
}

// ReplaceRecent marks these places as the ones whose records a job delivered lately, and no others; see feed.Rewinder.
func (s *Store) ReplaceRecent(ctx context.Context, job string, places []string) error {
	return s.write(ctx, "marking what job "+job+" delivered lately", func(t *tx) error {
		if err := t.exec("DELETE FROM recent WHERE job = ?", job); err != nil {
			return err
		}
		return t.mark(s.hot, job, places)
	})
}
