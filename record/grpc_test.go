package record

import (
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

func TestSpellingOfMessages(t *testing.T) {
	x := exchange(1)
	x.GRPC = []traffic.GRPCMessage{
		{Dir: traffic.ClientToServer, At: 1200 * time.Microsecond, Size: 17},
		{Dir: traffic.ServerToClient, At: 3 * time.Millisecond, Size: 0, Compressed: true},
	}
	x.GRPCEnd = 1
	x.Rules = []string{"r"}
	_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	want := `,"grpc":[{"dir":"client-to-server","ms":1.2,"size":17},` +
		`{"dir":"server-to-client","ms":3.0,"size":0,"compressed":true}],"grpcEnd":1,"rules":["r"]}`
	if !strings.HasSuffix(lines[0], want) {
		t.Errorf("got %s", lines[0])
	}
}

func TestBadMessages(t *testing.T) {
	for _, member := range []string{
		`[{"dir":"up","ms":1,"size":2}]`,
		`[{"dir":"client-to-server","ms":-1,"size":2}]`,
		`[{"dir":"client-to-server","ms":1,"size":"2"}]`,
		`[],"grpcEnd":-2`,
	} {
		if _, err := ParseEntry([]byte(`{"type":"http","seq":3,"request":{},"grpc":` + member + `}`)); err == nil {
			t.Errorf("%s was read", member)
		}
	}
}
