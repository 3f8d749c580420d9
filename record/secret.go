package record

// IsSecret reports whether a header field, query parameter, form field or JSON
// key of that name holds a secret.
func IsSecret(name string) bool { return false }
