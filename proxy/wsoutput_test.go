package proxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// writerFunc is a writer that does something.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// opcodes collects the frames that are told.
type opcodes []traffic.Opcode

func (o *opcodes) Observe(e traffic.Event) { *o = append(*o, e.(traffic.FrameSeen).Opcode) }

// TestFilteredAnswersComeBehind has a side answer a frame before the write of that
// has returned, and the answer not be written yet when it does.
func TestFilteredAnswersComeBehind(t *testing.T) {
	var seen opcodes
	ws := &webSocket{x: &exchange{told: new(told), c: &clientConn{p: &Proxy{observer: &seen}}}, filter: new(wsFilter)}
	for dir := range ws.halves {
		ws.halves[dir].ws, ws.halves[dir].dir = ws, traffic.Direction(dir)
		ws.filter.out[dir] = &wsOutput{half: &ws.halves[dir]}
	}
	up, down := ws.filter.out[traffic.ClientToServer], ws.filter.out[traffic.ServerToClient]
	answering, goOn, answered := make(chan struct{}), make(chan struct{}), make(chan error)
	down.half.dst = writerFunc(func() {
		close(answering)
		<-goOn
	})
	up.half.dst = writerFunc(func() {
		go func() {
			answered <- down.write([]byte("pong"), traffic.Frame{Dir: traffic.ServerToClient, Opcode: traffic.OpPong})
		}()
		<-answering
	})
	if err := up.write([]byte("ping"), traffic.Frame{Opcode: traffic.OpPing}); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(opcodes{traffic.OpPing, traffic.OpPong}, seen); diff != "" {
		t.Errorf("frames told (-want +got):\n%s", diff)
	}
}
