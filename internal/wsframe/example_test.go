package wsframe_test

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// printer prints the frames it is told of.
type printer struct{ content []byte }

func (p *printer) FrameStart(wsframe.Header, time.Time) { p.content = p.content[:0] }
func (p *printer) FrameContent(piece []byte)            { p.content = append(p.content, piece...) }

func (p *printer) FrameEnd(end wsframe.FrameEnd) {
	if end.CloseCode != 0 {
		fmt.Printf("close %d %q\n", end.CloseCode, end.CloseReason)
		return
	}
	fmt.Printf("%q, wrong: %q\n", p.content, end.Anomalies.Texts())
}

// relay passes bytes on and then looks at them. Where frames cannot be found any
// more it goes on all the same.
func relay(dst io.Writer, src io.Reader, decoder *wsframe.Decoder) error {
	defer decoder.Release()
	var parser wsframe.Parser
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if _, err := dst.Write(buf[:n]); err != nil {
			return err
		}
		_ = parser.Feed(buf[:n], time.Now(), decoder)
		if err != nil {
			return err
		}
	}
}

func Example() {
	client, proxy := net.Pipe()
	go func() {
		key := [4]byte{1, 2, 3, 4}
		text := wsframe.Header{Fin: true, Opcode: wsframe.OpText, Masked: true, Key: key}
		wire := wsframe.AppendFrame(nil, text, []byte("hello"))
		text.Masked = false
		wire = wsframe.AppendFrame(wire, text, []byte("hello"))
		end := wsframe.Header{Fin: true, Opcode: wsframe.OpClose, Masked: true, Key: key}
		wire = wsframe.AppendFrame(wire, end, wsframe.AppendClose(nil, wsframe.CloseNormal, "bye"))
		client.Write(wire)
		client.Close()
	}()
	ext := wsframe.ParseExtensions(nil) // of the 101 response
	err := relay(io.Discard, proxy, wsframe.NewDecoder(traffic.ClientToServer, ext, new(printer)))
	fmt.Println(err)
	// Output:
	// "hello", wrong: []
	// "hello", wrong: ["unmasked client frame"]
	// close 1000 "bye"
	// EOF
}
