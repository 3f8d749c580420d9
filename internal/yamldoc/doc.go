// Package yamldoc reads texts that are one YAML document, for decoders that work on
// nodes and tell where in the text something is wrong.
//
//	content, err := yamldoc.Parse(text)
//
// Texts come from strangers: whatever is no YAML is an error with a position, also
// what makes go-yaml panic. How much aliases expand to is for the decoder to bound.
package yamldoc
