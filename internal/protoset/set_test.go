package protoset

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

const (
	getPath    = "/shop.v1.Orders/Get"
	ordersFile = "testdata/api/shop/v1/orders.proto"
)

func load(t testing.TB, paths ...string) *Set {
	t.Helper()
	s, err := Load(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// encode returns the message that JSON stands for.
func encode(t testing.TB, s *Set, dir traffic.Direction, text string) []byte {
	t.Helper()
	content, err := s.Encode(getPath, dir, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// descriptors returns the files of s, those that are imported behind those that
// import them.
func descriptors(t testing.TB, s *Set) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	var files []*descriptorpb.FileDescriptorProto
	s.files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		files = append(files, protodesc.ToFileDescriptorProto(f))
		return true
	})
	slices.SortFunc(files, func(a, b *descriptorpb.FileDescriptorProto) int { return strings.Compare(b.GetName(), a.GetName()) })
	return files
}

// descriptorSet writes files as protoc does, but for those of protobuf, which it
// leaves out, too.
func descriptorSet(t testing.TB, files []*descriptorpb.FileDescriptorProto) string {
	t.Helper()
	files = slices.DeleteFunc(files, func(f *descriptorpb.FileDescriptorProto) bool { return strings.HasPrefix(f.GetName(), "google/") })
	content, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: files})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "all.binpb")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDescriptionsComeInManyForms(t *testing.T) {
	const order = `{"orderId":"7","total":{"currency":"EUR","units":"12"},"placedAt":"2026-11-20T23:44:03Z",` +
		`"details":[{"@type":"type.googleapis.com/common.Money","units":"1"}]}`
	const request = `{"orderId":"7","tags":{"a":1,"b":2}}`
	set := descriptorSet(t, descriptors(t, load(t, "testdata/api")))
	for _, paths := range [][]string{
		{"testdata/api"},
		{ordersFile}, // its imports begin two folders above
		{ordersFile, "testdata/api/common/money.proto"},
		{"testdata/api/shop", "testdata/api"},
		{set},
		{set, "testdata/api", ordersFile},
	} {
		s := load(t, paths...)
		if !s.Knows(getPath) || s.Knows("/shop.v1.Orders/Other") || s.Knows("/shop.v1.Order/Get") || s.Knows("/") {
			t.Errorf("%q: wrong methods", paths)
		}
		for dir, text := range map[traffic.Direction]string{traffic.ClientToServer: request, traffic.ServerToClient: order} {
			got, err := s.JSON(getPath, dir, encode(t, s, dir, text))
			if err != nil || string(got) != text {
				t.Errorf("%q: %s, error %v", paths, got, err)
			}
		}
	}
}

func TestWhatCannotBeLoaded(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	other := write("b/other.proto", `syntax = "proto3"; package shop.v1; message Order { int32 x = 1; }`)
	loop := descriptorSet(t, []*descriptorpb.FileDescriptorProto{{Name: new("a"), Dependency: []string{"a"}}})
	lacking := descriptorSet(t, []*descriptorpb.FileDescriptorProto{{Name: new("a"), Dependency: []string{"google/protobuf/no.proto"}}})
	for _, c := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"nothing there", []string{filepath.Join(dir, "none.binpb")}, "no such file"},
		{"no source there", []string{filepath.Join(dir, "none.proto")}, "none.proto"},
		{"not a description", []string{write("notes.txt", "text")}, "neither a .proto file nor a set of descriptors"},
		{"an empty file", []string{write("empty.binpb", "")}, "neither a .proto file nor a set of descriptors"},
		{"an empty folder", []string{empty}, "no .proto files"},
		{"a syntax error", []string{write("bad.proto", "syntax = \"proto3\";\nmessage {}")}, "bad.proto:2:9"},
		{"an import that is missing", []string{write("a/lacking.proto", `syntax = "proto3"; import "no/such.proto";`)}, "no/such.proto"},
		{"two descriptions of a message", []string{ordersFile, other}, "shop.v1.Order"},
		{"a file that imports itself", []string{loop}, "imports itself"},
		{"a set without an import", []string{lacking}, "google/protobuf/no.proto is missing"},
	} {
		if _, err := Load(c.paths...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "none.binpb")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

func TestNilDescribesNothing(t *testing.T) {
	s, err := Load()
	if s != nil || err != nil {
		t.Errorf("%v, error %v", s, err)
	}
	if s.Knows(getPath) {
		t.Error("it knows a method")
	}
	if _, err := s.JSON(getPath, traffic.ClientToServer, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("JSON: %v", err)
	}
	if _, err := s.Encode(getPath, traffic.ClientToServer, []byte("{}")); !errors.Is(err, ErrUnknown) {
		t.Errorf("Encode: %v", err)
	}
}

func TestWhatIsNotAsDescribed(t *testing.T) {
	s := load(t, ordersFile)
	if text, err := s.JSON(getPath, traffic.ClientToServer, []byte("\xff\xff")); err == nil {
		t.Errorf("broken: %s", text)
	}
	unknown := protowire.AppendTag(nil, 4, protowire.BytesType)
	unknown = protowire.AppendString(unknown, "\x0a\x13example.com/unknown")
	if text, err := s.JSON(getPath, traffic.ServerToClient, unknown); err == nil {
		t.Errorf("an Any of an unknown type: %s", text)
	}
	for _, text := range []string{"", "[]", `{"no":1}`} {
		if _, err := s.Encode(getPath, traffic.ClientToServer, []byte(text)); err == nil {
			t.Errorf("%q was encoded", text)
		}
	}
}

// call returns the exchange of a call of Get, and its content.
func call(contentType string) (*traffic.Exchange, func(traffic.Direction) []byte) {
	header := traffic.Fields{{Name: "content-type", Value: contentType}, {Name: "grpc-encoding", Value: "identity"}}
	x := &traffic.Exchange{
		Request:  &traffic.Request{Method: "POST", URL: traffic.URL{Scheme: "http", Authority: "h", Target: getPath}, Header: header},
		Response: &traffic.Response{Status: 200, Header: header},
	}
	return x, func(dir traffic.Direction) []byte {
		text := []string{"\x0a\x017", "\x0a\x018"}[dir]
		if strings.HasSuffix(contentType, "json") {
			text = ` {"orderId" : "7"}`
		}
		body := append(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(text))}), text...)
		body = append(body, body...)
		return append(append(body, "\x00\x00\x00\x00\x01\xff"...), "\x80\x00\x00\x00\x01x"...)
	}
}

func TestContentOfCalls(t *testing.T) {
	s := load(t, "testdata/api")
	for _, c := range []struct {
		contentType string
		set         *Set
		want        [2]string
	}{
		{"application/grpc-web", s, [2]string{"{\"orderId\":\"7\"}\n{\"orderId\":\"7\"}\n", "{\"orderId\":\"8\"}\n{\"orderId\":\"8\"}\n"}},
		{"application/grpc-web+json", s, [2]string{"{\"orderId\":\"7\"}\n{\"orderId\":\"7\"}\n", "{\"orderId\":\"7\"}\n{\"orderId\":\"7\"}\n"}},
		{"application/octet-stream", s, [2]string{}},
		{"application/grpc-web", nil, [2]string{}},
	} {
		x, raw := call(c.contentType)
		content := c.set.Content(x, raw)
		for dir, want := range c.want {
			if want == "" {
				want = string(raw(traffic.Direction(dir)))
			}
			if diff := cmp.Diff(want, string(content(traffic.Direction(dir)))); diff != "" {
				t.Errorf("%s, %d: %s", c.contentType, dir, diff)
			}
		}
	}
	x, raw := call("application/grpc-web")
	x.Response = nil
	if got := s.Content(x, raw)(traffic.ServerToClient); got != nil {
		t.Errorf("content of no answer: %q", got)
	}
	if s.Content(x, nil) != nil {
		t.Error("there is content where there was none")
	}
}

func TestReflectionDescribes(t *testing.T) {
	from := load(t, "testdata/api")
	var body []byte
	for _, f := range descriptors(t, from) {
		content, err := proto.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		response := protowire.AppendBytes(protowire.AppendTag(nil, fieldDescriptor, protowire.BytesType), content)
		message := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "host")
		message = protowire.AppendBytes(protowire.AppendTag(message, fieldDescriptors, protowire.BytesType), response)
		body = append(grpcwire.AppendPrefix(body, grpcwire.Message{Size: int64(len(message))}), message...)
	}
	body = append(body, "\x00\x00\x00\x00\x02\xff\xff\x00\x00\x00\x00\x09cut"...)
	header := traffic.Fields{{Name: "content-type", Value: "application/grpc"}}
	found := Reflected(bytes.NewReader(body), header)
	if len(found) < 3 {
		t.Fatalf("%d descriptors", len(found))
	}
	found = append(found, []byte("\xff\xff"), []byte("\x0a\x01a\x1a\x07missing"))
	for name, s := range map[string]*Set{"alone": nil, "beside": load(t, ordersFile)} {
		if got := s.WithReflected(found); !got.Knows(getPath) {
			t.Errorf("%s: the method is not described", name)
		}
	}
	if got := (*Set)(nil).WithReflected([][]byte{[]byte("\x0a\x01a\x1a\x07missing")}); got.Knows(getPath) {
		t.Error("it knows a method")
	}
}

func TestIsReflection(t *testing.T) {
	for path, want := range map[string]bool{
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      true,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": true,
		"/grpc.reflection.v1.ServerReflection/Other":                     false,
		getPath: false,
		"":      false,
	} {
		if IsReflection(path) != want {
			t.Errorf("%q: %v", path, !want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	s := load(f, "testdata/api")
	f.Add(encode(f, s, traffic.ServerToClient, `{"orderId":"7","total":{"units":"-1"},"placedAt":"2026-11-20T23:44:03Z"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		Reflected(bytes.NewReader(content), traffic.Fields{{Name: "content-type", Value: "application/grpc"}})
		text, err := s.JSON(getPath, traffic.ServerToClient, content)
		if err != nil {
			return
		}
		again, err := s.JSON(getPath, traffic.ServerToClient, encode(t, s, traffic.ServerToClient, string(text)))
		if err != nil || !bytes.Equal(text, again) {
			t.Errorf("%s became %s, error %v", text, again, err)
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	s := load(b, "testdata/api")
	content := encode(b, s, traffic.ServerToClient, `{"orderId":"7","total":{"currency":"EUR","units":"12"},"placedAt":"2026-11-20T23:44:03Z"}`)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.JSON(getPath, traffic.ServerToClient, content); err != nil {
			b.Fatal(err)
		}
	}
}
