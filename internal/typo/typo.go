// Package typo finds the name that a misspelt one probably stands for. It compares letters, whatever their case; it
// knows no words and no language.
package typo

import "strings"

// maxName bounds the names that are compared, in bytes: comparing takes time in the product of their lengths.
const maxName = 200

// Nearest returns the one of names that is most like a name, the first of several, or "" if none is much like it: up to
// a third of its letters may be wrong, but at most six.
func Nearest(name string, names []string) string {
	if name == "" || len(name) > maxName {
		return ""
	}
	best, least := "", min(len(name)/3, 6)+1
	lower := strings.ToLower(name)
	for _, n := range names {
		if d := Distance(lower, strings.ToLower(n), least-1); d < least {
			best, least = n, d
		}
	}
	return best
}

// DidYouMean returns the end of a message about a name that does not exist: with the nearest of names, or "".
func DidYouMean(name string, names []string) string {
	if n := Nearest(name, names); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// Distance returns how many bytes to insert, delete, replace or swap with the next make a into b. More than most is
// returned as most+1, and so is any distance of texts longer than 200 bytes that are not equal.
func Distance(a, b string, most int) int {
	switch {
	case a == b:
		return 0
	case len(a)-len(b) > most, len(b)-len(a) > most, len(a) > maxName, len(b) > maxName:
		return most + 1
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			replace := 1
			if a[i-1] == b[j-1] {
				replace = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], most+1)
}
