package main

import "context"

// listing is a list that a reading command prints: elements T of the state file, as V for programs.
type listing[Q, T, V any] struct {
	question[Q, []T]
	about  Q
	job    string // whose they are; one that nobody knows is an error when there are none. "" for all
	limit  int    // of the question; 0 for none
	view   func(T) V
	asJSON bool
	header []any
	row    func(T) []any
	none   string // is said when there are none
}

func (l listing[Q, T, V]) print(ctx context.Context, a *app) error {
	list, err := l.ask(ctx, a, l.about)
	if err != nil {
		return err
	}
	if len(list) == 0 && l.job != "" {
		if _, err := askKnown().ask(ctx, a, l.job); err != nil {
			return err
		}
	}
	if l.asJSON {
		return a.printJSON(views(list, l.view))
	}
	a.printTable(l.header, views(list, l.row), l.none)
	if l.limit > 0 && len(list) == l.limit {
		a.say("\nthere may be more: --limit 0 lists all")
	}
	return nil
}
