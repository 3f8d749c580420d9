// Package ca is being written.
package ca

// Authority signs leaf certificates.
type Authority struct{}
