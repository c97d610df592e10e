package main

import (
	"context"

	"milkrun/state"
)

// listing is a list that a reading command prints: elements T of the state file, as V for programs.
type listing[T, V any] struct {
	read   func(*state.Store) ([]T, error)
	job    string // whose they are; one that nobody knows is an error when there are none. "" for all
	limit  int    // of read; 0 for none
	view   func(T) V
	asJSON bool
	header []any
	row    func(T) []any
	none   string // is said when there are none
}

func (l listing[T, V]) print(ctx context.Context, a *app) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	list, err := l.read(store)
	if err != nil {
		return err
	}
	if len(list) == 0 && l.job != "" {
		if err := a.known(ctx, store, l.job); err != nil {
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
