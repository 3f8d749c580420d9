package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	// Expr is the expression.
	Expr string
	// Column is where the trouble begins, in characters from 1. It is one more
	// than the expression has if something is missing at its end.
	Column int
	// Text says what is wrong.
	Text string
	// Hint is what may have been meant, or how to say it, as a clause; "" for
	// none.
	Hint string
}

// errorWidth is how many characters of a long expression are shown.
const errorWidth = 72

// Error returns Text, the expression with a caret below the column, and Hint, a
// line each. Of a long expression only the part around the column is shown.
func (e *SyntaxError) Error() string {
	shown := []rune(e.Expr)
	for i, r := range shown {
		if !unicode.IsPrint(r) {
			shown[i] = ' ' // also a line end or tab, which would move the caret
		}
	}
	caret := e.Column - 1
	before, behind := "", ""
	if end := max(caret-errorWidth/2, 0) + errorWidth; end < len(shown) {
		shown, behind = shown[:end], "..."
	}
	if cut := caret - errorWidth/2; cut > 0 {
		shown, caret, before = shown[cut:], caret-cut, "..."
	}
	text := fmt.Sprintf("%s\n  %s%s%s\n  %s^", e.Text, before, string(shown), behind, strings.Repeat(" ", len(before)+caret))
	if e.Hint != "" {
		text += "\n  " + e.Hint
	}
	return text
}

// errorAt returns an error about the byte at offset.
func (l *lexer) errorAt(offset int, hint, text string, args ...any) *SyntaxError {
	return &SyntaxError{
		Expr:   l.expr,
		Column: utf8.RuneCountInString(l.expr[:offset]) + 1,
		Text:   fmt.Sprintf(text, args...),
		Hint:   hint,
	}
}

// didYouMean returns a hint at the word nearest to s, "" if none is near.
func didYouMean(s string, words []string) string {
	s = strings.ToLower(s)
	best, distance := "", 1+min(2, len(s)/2) // what is further away is another word
	for _, word := range words {
		if d := editDistance(s, word); d < distance && d < len(word) {
			best, distance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance counts the letters to insert, remove, replace or swap with their
// neighbour that make a into b.
func editDistance(a, b string) int {
	if len(a) > 32 || len(a) == 0 {
		return len(a) + len(b)
	}
	previous, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		beforePrevious := previous
		previous, row = row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := previous[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, previous[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], beforePrevious[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
