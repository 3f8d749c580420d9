package protoset

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// WithReflected returns a Set that describes what s does, which may be nil, and
// what a server has told by reflection: FileDescriptorProtos, serialized, in any
// order. Where they contradict s they are left out, as is what makes no sense or
// lacks an import.
func (s *Set) WithReflected(descriptors [][]byte) *Set {
	all := newSet()
	if s != nil {
		s.files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
			_ = all.files.RegisterFile(f) // they are in one registry already
			return true
		})
	}
	var files []*descriptorpb.FileDescriptorProto
	for _, content := range descriptors {
		file := new(descriptorpb.FileDescriptorProto)
		if proto.Unmarshal(content, file) == nil {
			files = append(files, file)
		}
	}
	a := newAdder(all, files)
	for _, f := range files {
		_ = a.add(f.GetName()) // it is left out
	}
	return all
}

// register adds a file and what it imports. A file of the same name that is there
// already stays.
func (s *Set) register(f protoreflect.FileDescriptor) error {
	if _, err := s.files.FindFileByPath(f.Path()); err == nil {
		return nil
	}
	imports := f.Imports()
	for i := range imports.Len() {
		if err := s.register(imports.Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	if f.IsPlaceholder() {
		return nil
	}
	return s.files.RegisterFile(f)
}

// adder adds files, those first that others import.
type adder struct {
	set   *Set
	files map[string]*descriptorpb.FileDescriptorProto // by name
	begun map[string]bool
}

func newAdder(s *Set, files []*descriptorpb.FileDescriptorProto) *adder {
	a := &adder{
		set: s, files: make(map[string]*descriptorpb.FileDescriptorProto, len(files)),
		begun: make(map[string]bool, len(files)),
	}
	for _, f := range files {
		a.files[f.GetName()] = f
	}
	return a
}

// all adds all files.
func (a *adder) all() error {
	for name := range a.files {
		if err := a.add(name); err != nil {
			return err
		}
	}
	return nil
}

// add adds the file of a name unless it is there.
func (a *adder) add(name string) error {
	if _, err := a.set.files.FindFileByPath(name); err == nil {
		return nil
	}
	f := a.files[name]
	switch {
	case f == nil:
		return a.addUsual(name)
	case a.begun[name]:
		return fmt.Errorf("%s imports itself", name)
	}
	a.begun[name] = true
	for _, other := range f.GetDependency() {
		if err := a.add(other); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	described, err := protodesc.NewFile(f, a.set.files)
	if err != nil {
		return err
	}
	return a.set.register(described)
}

// addUsual adds one of the files that come with protobuf, which sets often lack.
func (a *adder) addUsual(name string) error {
	if strings.HasPrefix(name, "google/protobuf/") {
		if f, err := protoregistry.GlobalFiles.FindFileByPath(name); err == nil {
			return a.set.register(f)
		}
	}
	return errors.New(name + " is missing")
}
