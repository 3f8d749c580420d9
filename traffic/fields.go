package traffic

import (
	"slices"
	"strings"
)

// Field is one header or trailer line. A Field read from the wire remembers the
// line it came in, so that an untouched field can be sent on byte for byte;
// Fields made in code have only Name and Value.
type Field struct {
	// Name is the field name in its original spelling.
	Name string
	// Value is the field value without the white space around it. Bytes of
	// 0x80 and above are kept as they came.
	Value string

	line string // with its line end, or "" for a field made in code
}

// WireField returns a Field that remembers the line, line end included, that
// name and value were read from.
func WireField(name, value, line string) Field {
	return Field{Name: name, Value: value, line: line}
}

// Is reports whether the field has the given name, ignoring case (RFC 9110
// section 5.1).
func (f Field) Is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(f.Name, name)
}

// AppendTo appends the field as an HTTP/1 line to dst: the original line if the
// field still says what that line said, else "Name: Value" and CRLF.
func (f Field) AppendTo(dst []byte) []byte {
	if f.line != "" && f.unchanged() {
		return append(dst, f.line...)
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ": "...)
	dst = append(dst, f.Value...)
	return append(dst, "\r\n"...)
}

// unchanged reports whether the line still says Name and Value, which are parts
// of it if nobody has changed them: comparing them is then comparing pointers.
func (f Field) unchanged() bool {
	rest, ok := strings.CutPrefix(f.line, f.Name)
	if !ok || rest == "" || rest[0] != ':' {
		return false
	}
	i := 1
	for i < len(rest) && (rest[i] == ' ' || rest[i] == '\t') {
		i++
	}
	rest, ok = strings.CutPrefix(rest[i:], f.Value)
	if !ok {
		return false
	}
	for i := range len(rest) {
		switch rest[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return true
}

// Fields is a header or trailer section: wire order, original spelling,
// duplicates kept. Names are compared without case. The zero value is an empty
// section. Methods that change it may change the backing array; Clone first
// what somebody else can see.
type Fields []Field

// Get returns the value of the first field of that name, or "".
func (fs Fields) Get(name string) string {
	for i := range fs {
		if fs[i].Is(name) {
			return fs[i].Value
		}
	}
	return ""
}

// Values returns the values of all fields of that name in order, nil if there
// is none.
func (fs Fields) Values(name string) []string {
	var vs []string
	for i := range fs {
		if fs[i].Is(name) {
			vs = append(vs, fs[i].Value)
		}
	}
	return vs
}

// Index returns the place of the first field of that name, -1 if there is none.
func (fs Fields) Index(name string) int {
	return slices.IndexFunc(fs, func(f Field) bool { return f.Is(name) })
}

// Has reports whether there is a field of that name.
func (fs Fields) Has(name string) bool {
	for i := range fs {
		if fs[i].Is(name) {
			return true
		}
	}
	return false
}

// HasToken reports whether one of the comma-separated elements of the fields of
// that name is token, ignoring case (RFC 9110 section 5.6.1).
func (fs Fields) HasToken(name, token string) bool {
	for i := range fs {
		if !fs[i].Is(name) {
			continue
		}
		for element := range strings.SplitSeq(fs[i].Value, ",") {
			if strings.EqualFold(strings.Trim(element, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// Set gives the first field of that name the value, keeping its place and
// spelling, and removes the others of that name. Without one it adds a field.
func (fs *Fields) Set(name, value string) {
	found := false
	kept := (*fs)[:0]
	for _, f := range *fs {
		if f.Is(name) {
			if found {
				continue
			}
			found = true
			f.Value = value
		}
		kept = append(kept, f)
	}
	*fs = kept
	if !found {
		fs.Add(name, value)
	}
}

// Add appends a field.
func (fs *Fields) Add(name, value string) {
	*fs = append(*fs, Field{Name: name, Value: value})
}

// Del removes all fields of the given names.
func (fs *Fields) Del(names ...string) {
	kept := (*fs)[:0]
	for _, f := range *fs {
		if !f.isAny(names) {
			kept = append(kept, f)
		}
	}
	*fs = kept
}

// Without returns the fields that have none of the given names: fs itself if
// that is all of them, else a copy.
func (fs Fields) Without(names ...string) Fields {
	for i, f := range fs {
		if f.isAny(names) {
			kept := append(make(Fields, 0, len(fs)-1), fs[:i]...)
			for _, f := range fs[i+1:] {
				if !f.isAny(names) {
					kept = append(kept, f)
				}
			}
			return kept
		}
	}
	return fs
}

// Clone returns a copy with a backing array of its own.
func (fs Fields) Clone() Fields {
	return append(Fields(nil), fs...)
}

func (f Field) isAny(names []string) bool {
	return slices.ContainsFunc(names, f.Is)
}
