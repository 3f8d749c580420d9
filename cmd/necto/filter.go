package main

import (
	"errors"
	"strings"

	"github.com/necto-dev/necto/internal/filter"
)

// parseFilter reads an expression of the filter language. The error shows where
// it goes wrong.
func parseFilter(flag, expr string) (*filter.Filter, error) {
	f, err := filter.Parse(expr)
	if err == nil {
		return f, nil
	}
	wrong := usagef("%s: %w", flag, err).hinted("the language is in docs/filter.md, for example %s 'host:api and status:5xx'", flag)
	if syntax, ok := errors.AsType[*filter.SyntaxError](err); ok {
		wrong.err = errors.New(flag + ": " + syntax.Text)
		_, wrong.detail, _ = strings.Cut(syntax.Error(), "\n")
	}
	return nil, wrong
}
