package setting

import (
	"fmt"
	"maps"
	"slices"
)

// Group is a key that holds a table with keys of its own. Given is set when the table is there, be it empty.
func Group(name string, given *bool, fields []Field, en, zh string) Field {
	f := Field{Name: name, Type: "table", Fields: fields, En: en, Zh: zh}
	f.set = func(v any) error {
		table, ok := v.(map[string]any)
		if !ok {
			return mismatch(f.Type, v)
		}
		*given = true
		return fill(fields, table)
	}
	return f
}

func fill(fields []Field, table map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no key %s", name)
		}
		if err := fields[i].Set(table[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Flat returns the fields with those of tables in place of the tables, their names dotted: "envelope.cipher.alg".
func Flat(fields []Field) []Field {
	var flat []Field
	for _, f := range fields {
		if f.Fields == nil {
			flat = append(flat, f)
			continue
		}
		for _, sub := range Flat(f.Fields) {
			sub.Name = f.Name + "." + sub.Name
			flat = append(flat, sub)
		}
	}
	return flat
}

// Any is a key whose value is checked and stored by set, whatever its form in TOML. Kind says what is wanted.
func Any(name, kind string, set func(any) error, en, zh string) Field {
	return Field{Name: name, Type: kind, En: en, Zh: zh, set: set}
}
