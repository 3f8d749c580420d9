// Package filter is the language in which users say which traffic they mean:
//
//	status:5xx or error
//	ws host:api opcode:text text:subscribe
//	https and not path:/health and dur>1s
//
// An expression is parsed once and then asked about one [Subject] after the
// other, live or from a recording:
//
//	f, err := filter.Parse("status:4xx and host:api")
//	...
//	if f.Match(&filter.Subject{Exchange: x}) { ... }
//
// docs/filter.md is the reference of the language.
//
// # What decides
//
// A field that a subject lacks makes its predicate false, != included; not is
// plain negation. Text is compared without regard to case: of ASCII letters if
// the text asked for is ASCII, of all letters otherwise. A frame, and the end of
// a connection, have all that the head of their handshake has. [Connections]
// keeps the handshakes of a file for that.
//
// # Recordings
//
// A filter over a file spends its time on lines that do not match. [Prefilter]
// tells most of them from their bytes, before anything is parsed.
//
// # Limits
//
// An expression has at most 8 KiB, a regular expression 1 KiB, and parentheses
// and negations nest at most 200 deep. A [Filter] may be used by many goroutines,
// a [Subject] by one.
package filter
