// Package rules is the YAML files in which users say what becomes of their
// traffic: rules that answer or edit requests, breakpoints, and what to redact,
// to ignore and to leave closed.
//
//	set, err := rules.Load("rules.yaml")   // errors have file, line and column
//	store := rules.NewStore(set)
//	view := store.View()
//	for m, ok := view.Next(0, subject); ok; m, ok = view.Next(m.Index+1, subject) {
//		...
//	}
//
// docs/rules.md is the reference of the format; rules/schema.json, which is made
// from the types, the schema.
//
// # From a file to a match
//
// [File] and what is in it are data, as users write it. [Load] checks it and
// makes a [Set] of one or more files, which never changes. A [Store] holds the
// set in force together with what changes while necto runs: which rules users
// have turned off, their order, and how often each was applied. [View] is one
// moment of a Store, and what requests are matched with. A [Watcher] gives the
// Store a new set when files change.
//
// # Safety
//
// Rule files come with repositories that are cloned from strangers. They are
// data: nothing in them is run, they name files beside them and below only, and
// loading is bounded in bytes, depth and what aliases expand to. Regular
// expressions are RE2, so matching takes linear time.
package rules
