package feed

import (
	"reflect"
	"testing"
)

func TestColumns(t *testing.T) {
	list := []Column{{"a", Text}, {"b", Integer}, {"a", Real}}
	c := NewColumns(list...)
	list[0].Name = "changed by the caller"
	if got := c.Names(); !reflect.DeepEqual(got, []string{"a", "b", "a"}) || c.Len() != 3 || c.List()[1].Type != Integer {
		t.Errorf("names %q, list %v", got, c.List())
	}
	for name, want := range map[string]int{"a": 0, "b": 1} {
		if at, ok := c.Index(name); !ok || at != want {
			t.Errorf("%s is at %d, %v", name, at, ok)
		}
	}
	if at, ok := c.Index("A"); ok {
		t.Errorf("A is at %d: names are told apart by case", at)
	}
	same := NewColumns(Column{"a", Text}, Column{"b", Integer}, Column{"a", Real})
	for _, c2 := range []struct {
		o    *Columns
		want bool
	}{{c, true}, {same, true}, {TextColumns("a", "b", "a"), false}, {NewColumns(list[1]), false}, {NewColumns(), false}} {
		if got := c.Equal(c2.o); got != c2.want {
			t.Errorf("Equal(%v) is %v", c2.o.List(), got)
		}
	}
	if TextColumns("x").List()[0] != (Column{"x", Text}) {
		t.Errorf("TextColumns is %v", TextColumns("x").List())
	}
}

func TestBatch(t *testing.T) {
	b := Batch{TextColumns("a", "b"), []Value{"1", "2", "3", nil, "5", "6"}}
	if b.Len() != 3 || !reflect.DeepEqual(b.Row(1), []Value{"3", nil}) {
		t.Errorf("%d rows, row 1 is %v", b.Len(), b.Row(1))
	}
	if b.Get(2, "b") != "6" || b.Get(1, "b") != nil || b.Get(0, "none") != nil {
		t.Errorf("Get: %v %v %v", b.Get(2, "b"), b.Get(1, "b"), b.Get(0, "none"))
	}
	s := b.Slice(1, 3)
	if s.Len() != 2 || s.Get(0, "a") != "3" || s.Columns != b.Columns || b.Slice(2, 2).Len() != 0 {
		t.Errorf("Slice is %v", s.Values)
	}
}

// TestWindows: appending to a row or slice must not reach into the rows behind it.
func TestWindows(t *testing.T) {
	b := Batch{TextColumns("a"), []Value{"1", "2", "3"}}
	_ = append(b.Row(0), "overwritten")
	_ = append(b.Slice(0, 2).Values, "overwritten")
	if !reflect.DeepEqual(b.Values, []Value{"1", "2", "3"}) {
		t.Errorf("the batch is %v", b.Values)
	}
}

func TestEmptyBatch(t *testing.T) {
	for name, b := range map[string]Batch{
		"zero": {}, "no columns": {Columns: NewColumns()}, "no rows": {Columns: TextColumns("a")},
	} {
		if b.Len() != 0 || b.Slice(0, 0).Len() != 0 {
			t.Errorf("%s: %d rows, sliced %d", name, b.Len(), b.Slice(0, 0).Len())
		}
	}
}
