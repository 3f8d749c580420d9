package replay

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
)

const (
	getURL        = "http://h/shop.v1.Orders/Get"
	watchURL      = "http://h/shop.v1.Orders/Watch"
	reflectionURL = "http://h/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
)

func orders(t testing.TB) *protoset.Set {
	t.Helper()
	set, err := protoset.Load("../internal/protoset/testdata/api")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// orderRequest returns a GetRequest with an id and tags, in that order.
func orderRequest(id string, tags ...string) string {
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), id)
	for i, tag := range tags {
		entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), tag)
		entry = protowire.AppendVarint(protowire.AppendTag(entry, 2, protowire.VarintType), uint64(i+1))
		m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), entry)
	}
	return string(m)
}

// swapped is orderRequest("7", "a", "b") as a map may be written, too.
func swapped() string {
	entry := func(tag string, value uint64) []byte {
		e := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), tag)
		return protowire.AppendVarint(protowire.AppendTag(e, 2, protowire.VarintType), value)
	}
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "7")
	m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), entry("b", 2))
	m = protowire.AppendBytes(protowire.AppendTag(m, 2, protowire.BytesType), entry("a", 1))
	return string(m)
}

func TestDescribedMessagesAreComparedAsJSON(t *testing.T) {
	path := recorded(t, "auto",
		recordedCall(t, getURL, "> "+orderRequest("7", "a", "b"), ".", "< found", "0"),
		recordedCall(t, watchURL, "> "+orderRequest("7", "a", "b"), "< seen", "> "+orderRequest("8"), ".", "0"),
	)
	for name, c := range map[string]struct {
		o    Options
		said []string
		want []string
	}{
		"a map in another order": {Options{Protos: orders(t)}, []string{swapped()}, []string{"found", "OK"}},
		"what is ignored": {
			Options{Protos: orders(t), Ignore: []Field{{JSON: "tags.a"}, {JSON: "orderId"}}},
			[]string{orderRequest("9") + swapped()[3:]},
			[]string{"found", "OK"},
		},
		"another value": {
			Options{Protos: orders(t)},
			[]string{orderRequest("8", "a", "b")},
			[]string{"NOT_FOUND no recorded answer for POST " + getURL + ` (nearest: #1 differs in message.1.orderId: recorded "7", got "8")`},
		},
		"not described": {
			Options{},
			[]string{swapped()},
			[]string{"NOT_FOUND no recorded answer for POST " + getURL + " (nearest: #1 differs in message.1: " +
				"recorded 17 bytes 0a013712050a0161100112050a016210, got 17 bytes 0a013712050a0162100212050a016110)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := dialCall(t.Context(), t, load(t, c.o, path), getURL)
			live.say(c.said...)
			live.end()
			for _, want := range c.want {
				if diff := cmp.Diff(want, live.hear()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	live := dialCall(t.Context(), t, load(t, Options{Protos: orders(t)}, path), watchURL)
	live.say(swapped())
	live.expect("seen")
	live.say(orderRequest("8"))
	live.end()
	live.expect("OK")
}

// reflected returns a message in which a server describes a file.
func reflected(t testing.TB, file *descriptorpb.FileDescriptorProto) string {
	t.Helper()
	content, err := proto.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	response := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), content)
	return string(protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), response))
}

// A recording in which the server describes itself needs no --proto, and the calls
// by which it did are replayed as all others.
func TestReflectionInARecordingDescribesItsCalls(t *testing.T) {
	file := &descriptorpb.FileDescriptorProto{
		Name: new("wait.proto"), Package: new("pkg"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/duration.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("Wait"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name:      new("For"),
				InputType: new(".google.protobuf.Duration"), OutputType: new(".pkg.Answer"),
			}, {
				Name:      new("Until"),
				InputType: new(".pkg.Answer"), OutputType: new(".pkg.Answer"),
			}},
		}},
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: new("Answer"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: new("took_time"), Number: new(int32(1)), JsonName: new("tookTime"),
				Type: descriptorpb.FieldDescriptorProto_TYPE_INT32.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}},
		}},
	}
	durations := protodesc.ToFileDescriptorProto(durationpb.File_google_protobuf_duration_proto)
	path := recorded(t, "auto",
		recordedCall(t, "http://h/pkg.Wait/Until", "> \x08\x01", ".", "< \x08\x02", "0"),
		recordedCall(t, reflectionURL, "> list", "< pkg.Wait", "> pkg.Wait", "< "+reflected(t, file), "< "+reflected(t, durations), ".", "0"),
	)
	x := load(t, Options{}, path)
	live := dialCall(t.Context(), t, x, "http://h/pkg.Wait/Until")
	live.say("\x08\x81\x00") // 1 again, in more bytes than it needs
	live.end()
	live.expect("\x08\x02", "OK")
	live = dialCall(t.Context(), t, x, "http://h/pkg.Wait/Until")
	live.say("\x08\x05")
	live.end()
	if got := live.hear(); !strings.Contains(got, "message.1.tookTime: recorded 1, got 5") {
		t.Errorf("got %q", got)
	}
	live = dialCall(t.Context(), t, x, reflectionURL)
	live.say("list")
	live.expect("pkg.Wait")
	live.say("pkg.Wait")
	live.expect(reflected(t, file), reflected(t, durations))
	live.end()
	live.expect("OK")
}

func TestFilterOfWhatMessagesSay(t *testing.T) {
	path := recorded(t, "auto",
		recordedCall(t, getURL, "> "+orderRequest("7"), ".", "< ", "0"),
		recordedCall(t, getURL, "> "+orderRequest("8"), ".", "< ", "0"),
	)
	eight, err := filter.Parse("json:orderId=8")
	if err != nil {
		t.Fatal(err)
	}
	if s := load(t, Options{Protos: orders(t), Filter: eight}, path).Stats(); s.Exchanges != 1 {
		t.Errorf("%d exchanges", s.Exchanges)
	}
}
