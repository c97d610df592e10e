package envelope

import "testing"

// TestCanonical: the texts are written as others write them, too (Python's json.dumps with ensure_ascii off), and numbers as they came.
func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		`{"b" : [1.50, 1e2 ,null], "a":"企业<&>\u0022\u2028\u2029é😀"}`: `{"a":"企业<&>\"` + "\u2028\u2029" + `é😀","b":[1.50,1e2,null]}`,
		`"\\u2028 \\\u2029 / \/ \t\u0001"`:                           `"\\u2028 \\` + "\u2029" + ` / / \t\u0001"`,
	} {
		got, err := canonical([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%s becomes %s, want %s (%v)", text, got, want, err)
		}
	}
}
