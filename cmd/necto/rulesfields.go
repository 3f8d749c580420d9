package main

import (
	"slices"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/rules"
)

// redact returns what recordings have in redacted form, as the files say at the
// start: a recording has one redaction from its beginning to its end.
func (o *obeyedRules) redact() []record.Pattern {
	if o == nil {
		return nil
	}
	fields := o.store.Set().Redact()
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
	var ignored []replay.Field
	for _, f := range slices.Concat(set.Ignore(), set.Redact()) {
		if f.Regex == nil {
			ignored = append(ignored, replay.Field{Query: f.Query, Form: f.Form, JSON: f.JSON, Header: f.Header, Cookie: f.Cookie})
		}
	}
	return ignored
}
