package protoset

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/necto-dev/necto/traffic"
)

// future is a field that no description has.
func future(text string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), text)
}

// nested is a field whose value is a message, or an entry of a map.
func nested(number protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(content, nil))
}

func TestEditKeepsWhatIsNotDescribed(t *testing.T) {
	s := load(t, "testdata/api")
	order := func(id, currency string) []byte {
		return bytes.Join([][]byte{nested(1, []byte(id)), nested(2, nested(1, []byte(currency)), future("inside")), future("outside")}, nil)
	}
	for _, c := range []struct {
		name, old, new string
		want           []byte
	}{
		{"a change", `"7"`, `"8"`, order("8", "EUR")},
		{"a change inside", "EUR", "USD", order("7", "USD")},
		{"nothing", "none", "", order("7", "EUR")},
		{"a part less", `,"total":{"currency":"EUR"}`, "", append(nested(1, []byte("7")), future("outside")...)},
	} {
		was := order("7", "EUR")
		got, err := s.Edit(getPath, traffic.ServerToClient, was, func(text []byte) ([]byte, error) {
			return bytes.ReplaceAll(text, []byte(c.old), []byte(c.new)), nil
		})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, %s", c.name, err, diff)
		}
	}
}

func TestEditInListsAndMaps(t *testing.T) {
	s := load(t, "testdata/edit.proto")
	part := func(name string) [][]byte { return [][]byte{nested(1, []byte(name)), future(name)} }
	was := bytes.Join([][]byte{
		nested(1, part("a")...), nested(1, part("b")...),
		nested(2, nested(1, []byte("k")), nested(2, part("c")...)),
		nested(3, nested(1, []byte("k")), nested(2, []byte("v"))),
		nested(4, []byte("x")),
	}, nil)
	got, err := s.Edit("/edit.Edit/Do", traffic.ClientToServer, was, func(text []byte) ([]byte, error) {
		return []byte(strings.NewReplacer(`"name":"a"`, `"name":"A"`, `"name":"c"`, `"name":"C"`).Replace(string(text))), nil
	})
	want := bytes.ReplaceAll(bytes.ReplaceAll(was, nested(1, []byte("a")), nested(1, []byte("A"))), nested(1, []byte("c")), nested(1, []byte("C")))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, %s", err, diff)
	}
}

func TestEditsThatFail(t *testing.T) {
	s := load(t, "testdata/api")
	broken := errors.New("as you wish")
	content := encode(t, s, traffic.ClientToServer, `{"orderId":"7"}`)
	for _, c := range []struct {
		name, path string
		content    []byte
		edited     string
		err        error
		want       string
	}{
		{"not described", "/no.Such/Method", content, "{}", ErrUnknown, "method is not described: /no.Such/Method"},
		{"no message", getPath, []byte("\xff"), "{}", nil, "decode shop.v1.GetRequest: "},
		{"no JSON of a message", getPath, content, `{"no":1}`, nil, `encode shop.v1.GetRequest: `},
		{"the edit fails", getPath, content, "", broken, "as you wish"},
	} {
		_, err := s.Edit(c.path, traffic.ClientToServer, c.content, func([]byte) ([]byte, error) {
			if c.edited == "" {
				return nil, broken
			}
			return []byte(c.edited), nil
		})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// An edit that changes no value changes nothing that the message says.
func FuzzEdit(f *testing.F) {
	s := load(f, "testdata/api")
	f.Add(append(encode(f, s, traffic.ServerToClient, `{"orderId":"7","total":{"units":"-1"}}`), future("outside")...))
	f.Fuzz(func(t *testing.T, content []byte) {
		edited, err := s.Edit(getPath, traffic.ServerToClient, content, func(text []byte) ([]byte, error) {
			return append(text, ' '), nil
		})
		if err != nil {
			return
		}
		was, err := s.JSON(getPath, traffic.ServerToClient, content)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := s.JSON(getPath, traffic.ServerToClient, edited); err != nil || !bytes.Equal(was, is) {
			t.Errorf("%s became %s, error %v", was, is, err)
		}
	})
}

func TestStreams(t *testing.T) {
	s := load(t, "testdata/api")
	for path, want := range map[string][2]bool{
		getPath:                  {false, false},
		"/shop.v1.Orders/Watch":  {true, true},
		"/shop.v1.Orders/Nobody": {false, false},
	} {
		if client, server := s.Streams(path); client != want[0] || server != want[1] {
			t.Errorf("%s: %v, %v", path, client, server)
		}
	}
}
