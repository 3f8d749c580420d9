package main

import (
	"slices"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/rules"
)

// redact returns what recordings have in redacted form, as the files say now.
func (o *obeyedRules) redact() []record.Pattern {
	if o == nil {
		return nil
	}
	return redactionOf(o.store.Set())
}

// redactIn lets a recording follow what the files say, nil for none.
func (o *obeyedRules) redactIn(w *record.Writer) {
	if o == nil || w == nil {
		return
	}
	o.follow(func() error { return w.Redact(o.redact()) })
}

// ignoreIn lets the answers of recordings follow what the files say.
func (o *obeyedRules) ignoreIn(x *replayIndex) {
	if o != nil {
		o.follow(func() error { return x.ignore(o.ignore()) })
	}
}

// follow lets somebody apply lists of the files whenever they have changed, and at
// once: they may have changed since they were looked at.
func (o *obeyedRules) follow(apply func() error) {
	o.mu.Lock()
	o.apply = append(o.apply, apply)
	o.mu.Unlock()
	o.applyLists()
}

// applyLists tells those who follow, one after the other, so that what is told last is
// what is in force.
func (o *obeyedRules) applyLists() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, apply := range o.apply {
		if err := apply(); err != nil {
			o.status.note("lists of rules files are not applied: %v", err)
		}
	}
}

func redactionOf(set *rules.Set) []record.Pattern {
	fields := set.Redact()
	patterns := make([]record.Pattern, len(fields))
	for i, f := range fields {
		patterns[i] = redactionPattern(f)
	}
	return patterns
}

func redactionPattern(f rules.Field) record.Pattern {
	p := record.Pattern{Header: f.Header, Query: f.Query, Form: f.Form, Cookie: f.Cookie, JSON: f.JSON}
	if f.Regex != nil {
		p.Regex = f.Regex.String()
	}
	return p
}

// ignore returns what replay does not compare, as the files say now. What is redacted
// is not in the recording.
func (o *obeyedRules) ignore() []replay.Field {
	if o == nil {
		return nil
	}
	set := o.store.Set()
	return ignoredIn(slices.Concat(set.Ignore(), set.Redact()))
}

func ignoredIn(fields []rules.Field) []replay.Field {
	var ignored []replay.Field
	for _, f := range fields {
		if f.Regex == nil {
			ignored = append(ignored, replay.Field{Query: f.Query, Form: f.Form, JSON: f.JSON, Header: f.Header, Cookie: f.Cookie})
		}
	}
	return ignored
}
