package rules

import (
	"errors"
	"strings"
)

const (
	// maxSteps is how often the bodies of loops may run while the templates of one
	// request are filled in.
	maxSteps = 100_000
	// maxMade is how much text in bytes they may make, with what they do not write.
	maxMade = 64 << 20
)

// budgetError says why a template was stopped, whatever it was about to do.
type budgetError string

// Error implements error.
func (e budgetError) Error() string { return string(e) }

const (
	errTemplateSteps  budgetError = "the loops of a template take more than 100,000 steps"
	errTemplateOutput budgetError = "a template makes more than 8 MiB"
	errTemplateTotal  budgetError = "the templates for one request make more than 64 MiB"
	errTemplateGone   budgetError = "the client left while a template was filled in"
)

// templateBudget is what the templates of one request have cost. The zero value is
// that of a client that never leaves.
type templateBudget struct {
	steps, made int
	// gone returns an error once nobody waits for the answer any more; nil for never.
	gone func() error
}

// step counts a step of a loop.
func (b *templateBudget) step() error {
	b.steps++
	switch {
	case b.steps > maxSteps:
		return errTemplateSteps
	case b.gone != nil && b.gone() != nil:
		return errTemplateGone
	}
	return nil
}

// charge counts text that was made, of that many bytes.
func (b *templateBudget) charge(size int) error {
	b.made += size
	switch {
	case size > maxContent:
		return errTemplateOutput
	case b.made > maxMade:
		return errTemplateTotal
	}
	return nil
}

// Step counts a step of a loop. limitTemplate puts a call of it into each body.
func (d *templateData) Step() (string, error) { return "", d.budget.step() }

// Made counts what a call has made and returns it. limitTemplate puts it behind each
// call.
func (d *templateData) Made(v any) (any, error) {
	if text, ok := v.(string); ok {
		return v, d.budget.charge(len(text))
	}
	return v, nil
}

// templateError returns an error of a template that does not say so twice.
func templateError(err error) error {
	if spent, ok := errors.AsType[budgetError](err); ok {
		return spent // where it was reached is chance, and may be code that nobody wrote
	}
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}
