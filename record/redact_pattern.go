package record

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Pattern names secrets that are redacted beside the usual ones. One of its
// members is set.
type Pattern struct {
	// Header is the name of a header or trailer field, Query that of a query
	// parameter, Form that of a field in a form, Cookie that of a cookie, whose
	// value is a secret anyhow. Names of fields are compared without case.
	Header, Query, Form, Cookie string
	// JSON is a path to a value in JSON content: names and indexes joined by ".",
	// where "#" and "*" stand for any. What is there may be of any kind.
	JSON string
	// Regex is an expression (RE2) for secrets in header fields, URLs and text
	// content. Its first group is the secret, or all of it if there is none. A
	// secret is at most 8 KiB long.
	Regex string
}

// patterns are Patterns ready for use. The zero value has none.
type patterns struct {
	header, query, form map[string]bool
	json                [][]string
	regex               []*regexp.Regexp
}

// compilePatterns returns an error for a Pattern that cannot be used.
func compilePatterns(list []Pattern) (patterns, error) {
	p := patterns{header: map[string]bool{}, query: map[string]bool{}, form: map[string]bool{}}
	for i, pattern := range list {
		if err := p.add(pattern); err != nil {
			return patterns{}, fmt.Errorf("redaction %d: %w", i+1, err)
		}
	}
	return p, nil
}

func (p *patterns) add(pattern Pattern) error {
	set := 0
	for _, member := range [...]string{
		pattern.Header, pattern.Query, pattern.Form, pattern.Cookie, pattern.JSON, pattern.Regex,
	} {
		if member != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return errors.New("one of header, query, form, cookie, json and regex has to be set")
	case pattern.Header != "":
		p.header[strings.ToLower(pattern.Header)] = true
	case pattern.Query != "":
		p.query[pattern.Query] = true
	case pattern.Form != "":
		p.form[pattern.Form] = true
	case pattern.JSON != "":
		p.json = append(p.json, strings.Split(pattern.JSON, "."))
	case pattern.Regex != "":
		expr, err := regexp.Compile(pattern.Regex)
		if err != nil {
			return fmt.Errorf("regex: %w", err)
		}
		p.regex = append(p.regex, expr)
	}
	return nil
}

// isField reports whether a field of that name is a secret.
func (p *patterns) isField(name string) bool {
	return len(p.header) > 0 && p.header[strings.ToLower(name)]
}
