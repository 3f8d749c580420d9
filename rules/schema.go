package rules

import _ "embed" // schema.json

// schema is made from the types by a test, with their comments as descriptions,
// so that necto itself needs no library for it.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of rules files. The caller must
// not change it.
func Schema() []byte { return schema }
