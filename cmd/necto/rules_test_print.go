package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// printTrial prints what rules would have done to an exchange, for people.
func printTrial(b *bytes.Buffer, t *trial) {
	fmt.Fprintf(b, "#%d %s\n", t.entry.ID, oneLine(t.entry.Request.Method+" "+t.entry.Request.URL))
	for _, a := range t.Applied {
		fmt.Fprintf(b, "  rule %q: %s\n", a.Rule, a.Action)
	}
	for _, h := range t.Held {
		fmt.Fprintf(b, "  breakpoint %q: %s\n", h.Breakpoint, h.Phase)
	}
	for i, d := range t.Differences {
		if i == maxDifferences {
			fmt.Fprintf(b, "  and %d more\n", len(t.Differences)-i)
			break
		}
		from, to := excerpts(d.From, d.To)
		switch {
		case d.From == nil:
			fmt.Fprintf(b, "  + %s: %s\n", oneLine(d.Path), to)
		case d.To == nil:
			fmt.Fprintf(b, "  - %s: %s\n", oneLine(d.Path), from)
		default:
			fmt.Fprintf(b, "  ~ %s: %s -> %s\n", oneLine(d.Path), from, to)
		}
	}
}

const (
	// maxDifferences is how many differences of an exchange are printed.
	maxDifferences = 30
	// maxExcerpt is how much of a value is printed, in bytes, and excerptLead what
	// of it is in front of the first difference at most.
	maxExcerpt  = 80
	excerptLead = 20
)

// excerpts returns what is printed of two values, around the first difference. What
// is no text is told by its length.
func excerpts(from, to *string) (string, string) {
	start := 0
	if from != nil && to != nil && max(len(*from), len(*to)) > maxExcerpt {
		for start < min(len(*from), len(*to)) && (*from)[start] == (*to)[start] {
			start++
		}
		start = max(0, start-excerptLead)
	}
	return excerpt(from, start), excerpt(to, start)
}

func excerpt(text *string, start int) string {
	switch {
	case text == nil:
		return ""
	case !utf8.ValidString(*text):
		return fmt.Sprintf("%d bytes", len(*text))
	}
	s, before, after := *text, "", ""
	if start = min(start, len(s)); start > 0 {
		s, before = s[start:], "..."
	}
	if len(s) > maxExcerpt {
		s, after = s[:maxExcerpt], "..."
	}
	return before + oneLine(fmt.Sprintf("%q", trimPartRunes(s))) + after
}

// trimPartRunes leaves out what is no whole character at the ends.
func trimPartRunes(s string) string {
	for s != "" && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	for s != "" {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// trialJSON is a trial as --json prints it.
type trialJSON struct {
	ID          uint64           `json:"id"`
	Method      string           `json:"method"`
	URL         string           `json:"url"`
	Rules       []ruleJSON       `json:"rules,omitempty"`
	Breakpoints []breakpointJSON `json:"breakpoints,omitempty"`
	Changes     []changeJSON     `json:"changes,omitempty"`
}

type ruleJSON struct {
	Name   string `json:"name"`
	Action string `json:"action"`
}

type breakpointJSON struct {
	Name  string `json:"name"`
	Phase string `json:"phase"`
}

// changeJSON is a difference; a value that is not there is null.
type changeJSON struct {
	Path string  `json:"path"`
	From *string `json:"from"`
	To   *string `json:"to"`
}

// encodeTrial prints what rules would have done to an exchange, as a line of JSON.
func encodeTrial(b *bytes.Buffer, t *trial) {
	line := trialJSON{ID: t.entry.ID, Method: t.entry.Request.Method, URL: t.entry.Request.URL}
	for _, a := range t.Applied {
		line.Rules = append(line.Rules, ruleJSON{a.Rule, a.Action})
	}
	for _, h := range t.Held {
		line.Breakpoints = append(line.Breakpoints, breakpointJSON{h.Breakpoint, string(h.Phase)})
	}
	for _, d := range t.Differences {
		line.Changes = append(line.Changes, changeJSON(d))
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(line) // texts always have a form, and a Buffer takes all
}
