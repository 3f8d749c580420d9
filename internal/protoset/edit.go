package protoset

import (
	"bytes"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/necto-dev/necto/traffic"
)

// Edit returns a message, its compression undone, as edit has changed its JSON:
// content itself if it has changed nothing. What is in the message and not in its
// description stays, in all parts of it that are still there; elements of lists are
// the same if they have the same place. The error wraps ErrUnknown if path is not
// described, or is that of edit.
func (s *Set) Edit(path string, dir traffic.Direction, content []byte, edit func([]byte) ([]byte, error)) ([]byte, error) {
	was, err := s.message(path, dir)
	if err != nil {
		return nil, err
	}
	text, err := s.decode(was, content)
	if err != nil {
		return nil, err
	}
	edited, err := edit(bytes.Clone(text))
	if err != nil || bytes.Equal(text, edited) {
		return content, err
	}
	is, err := s.message(path, dir)
	if err != nil {
		return nil, err
	}
	if err := s.parse(is, edited); err != nil {
		return nil, err
	}
	keepUnknown(is, was)
	return marshal(is)
}

// keepUnknown gives a message, and those inside it, the fields of another that no
// description has.
func keepUnknown(to, from protoreflect.Message) {
	if unknown := from.GetUnknown(); len(unknown) > 0 {
		to.SetUnknown(unknown)
	}
	from.Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case !to.Has(f):
		case f.IsMap():
			if f.MapValue().Message() != nil {
				keepInMap(to.Get(f).Map(), value.Map())
			}
		case f.Message() == nil:
		case f.IsList():
			keepInList(to.Get(f).List(), value.List())
		default:
			keepUnknown(to.Get(f).Message(), value.Message())
		}
		return true
	})
}

func keepInMap(to, from protoreflect.Map) {
	from.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		if to.Has(key) {
			keepUnknown(to.Get(key).Message(), value.Message())
		}
		return true
	})
}

func keepInList(to, from protoreflect.List) {
	for i := range min(to.Len(), from.Len()) {
		keepUnknown(to.Get(i).Message(), from.Get(i).Message())
	}
}
