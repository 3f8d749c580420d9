package traffic

// neverIndexed is in the place of the line in fields that are never indexed: no
// line of HTTP/1 looks like this, and fields of HTTP/2 come in no line.
const neverIndexed = "\x00"

// NeverIndexed returns a Field that must not enter the compression tables of
// HTTP/2 on any hop, mostly because its value is a secret (RFC 7541 section
// 7.1.3). In all else it is a field made in code.
func NeverIndexed(name, value string) Field {
	return Field{Name: name, Value: value, line: neverIndexed}
}

// IsNeverIndexed reports whether the field was made by NeverIndexed. Another
// value that is set later does not change that.
func (f Field) IsNeverIndexed() bool { return f.line == neverIndexed }
