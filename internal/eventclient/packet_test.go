package eventclient

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPackets(t *testing.T) {
	tests := []struct {
		name, text string
		place      string
		want       packet
	}{
		{"connect", `0{"sid":"a"}`, "", packet{kind: typeConnect, id: -1, data: []byte(`{"sid":"a"}`)}},
		{"disconnect", `1`, "", packet{kind: typeDisconnect, id: -1, data: []byte{}}},
		{"event", `2["a",1]`, "", packet{kind: typeEvent, id: -1, data: []byte(`["a",1]`)}},
		{"event to be acknowledged", `212["a"]`, "", packet{kind: typeEvent, id: 12, data: []byte(`["a"]`)}},
		{"event with the namespace", `2/,7["a"]`, "", packet{kind: typeEvent, id: 7, data: []byte(`["a"]`)}},
		{"event of a namespace", `2/other,7["a"]`, "/other,", packet{kind: typeEvent, id: 7, data: []byte(`["a"]`)}},
		{"ack", `30[]`, "", packet{kind: typeAck, id: 0, data: []byte(`[]`)}},
		{"refusal", `4{"message":"no"}`, "", packet{kind: typeConnectError, id: -1, data: []byte(`{"message":"no"}`)}},
		{"binary event", `52-["a"]`, "", packet{kind: typeBinaryEvent, attachments: 2, id: -1, data: []byte(`["a"]`)}},
		{"binary ack", `61-3[]`, "", packet{kind: typeBinaryAck, attachments: 1, id: 3, data: []byte(`[]`)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parsePacket([]byte(test.text), test.place)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(packet{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for _, text := range []string{"", "7", "x", "5", "5[]", "511-[]", "5-1-[]", "2/other,[]", "299999999999999999999[]"} {
		if p, err := parsePacket([]byte(text), ""); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
	for _, text := range []string{`2["a"]`, `2/,["a"]`, `2/others,["a"]`} {
		if p, err := parsePacket([]byte(text), "/other,"); err == nil {
			t.Errorf("%q of another namespace is %+v", text, p)
		}
	}
}

func TestEvents(t *testing.T) {
	p := packet{data: []byte(`["update",{"body":{"_placeholder":true,"num":1}}]`)}
	e, err := p.event()
	if err != nil || e.Name != "update" || len(e.Args) != 1 {
		t.Fatalf("got %+v, %v", e, err)
	}
	e.Attachments = [][]byte{[]byte("a"), []byte("b")}
	var arg struct{ Body *Attachment }
	if err := json.Unmarshal(e.Args[0], &arg); err != nil || string(e.Bytes(arg.Body)) != "b" {
		t.Errorf("got %q, %v", e.Bytes(arg.Body), err)
	}
	for _, a := range []*Attachment{nil, {Num: 2}, {Num: -1}} {
		if got := e.Bytes(a); got != nil {
			t.Errorf("%+v: got %q", a, got)
		}
	}
	for _, data := range []string{"", "{}", "[]", "[1]", `["a"`} {
		p := packet{data: []byte(data)}
		if e, err := p.event(); err == nil {
			t.Errorf("%q is %+v", data, e)
		}
	}
}

func FuzzPacket(f *testing.F) {
	for _, text := range []string{`2["a",1]`, `52-/,12["a",{"_placeholder":true,"num":0}]`, `0{"sid":"a"}`, "1", "31[]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePacket(text, "")
		if err != nil {
			return
		}
		if !bytes.HasSuffix(text, p.data) || p.attachments > maxAttachments || p.id < -1 {
			t.Errorf("%q is %+v", text, p)
		}
		if e, err := p.event(); err == nil {
			for n := range p.attachments {
				e.Bytes(&Attachment{Num: n})
			}
		}
	})
}
