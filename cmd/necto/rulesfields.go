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
	o.mu.Lock()
	o.writer = w
	o.mu.Unlock()
	o.follow() // the files may have changed since the recording was begun
}

// follow tells the recording what is redacted now.
func (o *obeyedRules) follow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writer == nil {
		return
	}
	if err := o.writer.Redact(o.redact()); err != nil {
		o.status.note("what is redacted stays as it was: %v", err)
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

// ignore returns what replay does not compare, as the files say at the start: the
// recording is indexed once. What is redacted is not in the recording.
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
