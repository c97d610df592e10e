// Package near finds the word somebody meant to write.
package near

import (
	"math"
	"strings"
)

// Near returns the candidate that is most like word, empty when none is like it: at most one slip for every three
// letters of the longer word. A slip is a letter too many, missing, wrong, or swapped with its neighbour. Upper and
// lower case, and "-" for "_", count as the same. Of equally good ones the first is taken.
func Near(word string, candidates []string) string {
	best, slips := "", -1
	for _, c := range candidates {
		d := distance(plain(word), plain(c))
		if allowed := max(len([]rune(c)), len([]rune(word))) / 3; d <= allowed && (slips < 0 || d < slips) {
			best, slips = c, d
		}
	}
	return best
}

func plain(word string) string { return strings.ReplaceAll(strings.ToLower(word), "-", "_") }

// distance is the Damerau-Levenshtein distance in its restricted form (optimal string alignment), in code points.
// Words of more than 64 are not compared: nobody means a name by them.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return math.MaxInt
	}
	before, last, row := []int(nil), count(len(t)+1), make([]int, len(t)+1)
	for i := range s {
		row[0] = i + 1
		for j := range t {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differ(s[i], t[j]))
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(t)+1)
	}
	return last[len(t)]
}

func count(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func differ(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}
