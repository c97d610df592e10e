package coupang

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/sandbox"
	"milkrun/sync/setting/settingtest"
)

// TestEveryStream reads each of them, in each version, from the stand-in.
func TestEveryStream(t *testing.T) {
	least := map[string]int{"products-by-time": 0, "coupon-items": 3}
	for _, st := range streams() {
		for _, v := range st.versions {
			t.Run(st.name+" "+v.name, func(t *testing.T) {
				values := map[string]any{"version": v.name}
				if st.windowed() {
					values["since"] = "2026-11-01"
				}
				switch {
				case st.name == "products-by-time":
					values["since"] = "2026-11-21"
				case st.window.unit == months:
					values["since"] = "2026-08-01"
				case st.name == "download-coupons":
					values["ids"] = []any{"68", "69"}
				case st.name == "order-histories":
					values["ids"] = []any{"642538971006400001"}
				}
				rows, end, _ := all(t, open(t, sandbox.Transport(shop(sandbox.CoupangOptions{})), st.name, values), "", 100)
				want := 1
				if n, ok := least[st.name]; ok {
					want = n
				}
				if len(rows) < want {
					t.Errorf("%d rows", len(rows))
				}
				if !strings.HasPrefix(string(end), `{"through":"2026-11-22T1`) {
					t.Errorf("the reading ends at %s", end)
				}
				keyed(t, st, rows)
			})
		}
	}
}

// keyed checks that the key of a stream tells its rows apart.
func keyed(t *testing.T, st stream, rows []map[string]any) {
	t.Helper()
	key := st.key
	if st.rows {
		key = slices.Concat(st.key, st.itemKey)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		var k []string
		for _, name := range key {
			v := r[name]
			if v == nil {
				t.Errorf("%s is empty in %v", name, r)
			}
			k = append(k, fmt.Sprint(v))
		}
		if text := strings.Join(k, "|"); seen[text] {
			t.Errorf("the key %s comes twice", text)
		} else {
			seen[text] = true
		}
	}
}

// TestColumnsAreKnown: what the settings say of the columns, before anything is read, is what comes.
func TestColumnsAreKnown(t *testing.T) {
	for _, st := range streams() {
		for _, values := range []map[string]any{{}, {"personal": masked}, {"items": asRows}} {
			if values["items"] != nil && st.items == "" || st.name == "download-coupons" {
				continue
			}
			s := NewSource(connect(t, nil)).(*settings)
			settingtest.Fill(t, s, map[string]any{"resource": st.name})
			settingtest.Valid(t, s, values)
			opened := open(t, sandbox.Transport(shop(sandbox.CoupangOptions{})), st.name, values)
			page, err := opened.Fetch(t.Context(), "", 1)
			if err != nil || !slices.Equal(s.Columns(), page.Rows.Columns.Names()) || len(s.Columns()) == 0 {
				t.Errorf("%s %v: %q, %v", st.name, values, s.Columns(), err)
			}
		}
	}
	if names := NewSource(connect(t, nil)).(*settings).Columns(); names != nil {
		t.Errorf("without a resource: %q", names)
	}
}
