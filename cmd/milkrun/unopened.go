package main

import (
	"context"
	"maps"
	"slices"
	stdsync "sync"

	"milkrun/state"
)

// unopened are the addresses that the daemon should open and cannot, by what tells them apart. They are noted in the state
// file: with a control socket among them nobody can ask the daemon.
type unopened struct {
	mu   stdsync.Mutex
	list map[string]state.Unopened
}

// cannotOpen logs and notes an address that could not be opened, once while it stays the same.
func (d *daemon) cannotOpen(address string, u state.Unopened) {
	d.unopened.mu.Lock()
	defer d.unopened.mu.Unlock()
	if d.unopened.list[address] == u {
		return
	}
	if d.unopened.list == nil {
		d.unopened.list = map[string]state.Unopened{}
	}
	d.unopened.list[address] = u
	d.log.Error(u.What + "; " + u.Remedy)
	d.noteUnopened()
}

// opened notes that an address is open, or not wanted any more.
func (d *daemon) opened(address string) {
	d.unopened.mu.Lock()
	defer d.unopened.mu.Unlock()
	delete(d.unopened.list, address)
	d.noteUnopened()
}

func (d *daemon) noteUnopened() {
	var list []state.Unopened
	for _, address := range slices.Sorted(maps.Keys(d.unopened.list)) {
		list = append(list, d.unopened.list[address])
	}
	d.warn(d.store.NoteUnopened(context.WithoutCancel(d.serving), list))
}
