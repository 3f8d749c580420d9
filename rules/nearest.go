package rules

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

func contains(words []string, s string) bool { return slices.Contains(words, s) }

// didYouMean returns a clause that names the word nearest to s, "" if none is
// near.
func didYouMean(s string, words []string) string {
	best, distance := "", 1+min(2, len(s)/2) // what is further away is another word
	if len(s) > 40 {
		return ""
	}
	for _, word := range words {
		if d := levenshtein.ComputeDistance(strings.ToLower(s), strings.ToLower(word)); d < distance {
			best, distance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// suggestKey returns a clause that helps whoever wrote an unknown key: the
// nearest one, or all of them.
func suggestKey(key string, known []string) string {
	if near := didYouMean(key, known); near != "" {
		return near
	}
	return "; known are " + strings.Join(known, ", ")
}
