package h1

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

func TestRelayKeepsBytes(t *testing.T) {
	const wire = "POST http://a/?a=1;b=2&c=%zz HTTP/1.1\r\nHOST:  a\r\nx-Dup: 1\r\nX-dup:2 \r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0005\r\nworld\r\n0\r\nX-T: 1\r\n\r\n"
	for name, src := range map[string]io.Reader{
		"whole":       bytes.NewReader([]byte(wire + "GET")),
		"single byte": iotest.OneByteReader(bytes.NewReader([]byte(wire + "GET"))),
	} {
		r := NewReader(src, Limits{})
		req, err := r.ReadRequest()
		if err != nil {
			t.Fatal(name, err)
		}
		framing, err := RequestFraming(req)
		if err != nil {
			t.Fatal(name, err)
		}
		b := r.Body(framing)
		var out bytes.Buffer
		var tap collect
		b.Tap = &tap
		if err := b.Relay(&out, AppendRequest(nil, req, req.Target)); err != nil {
			t.Fatal(name, err)
		}
		if out.String() != wire {
			t.Errorf("%s: relayed\n%q\nwant\n%q", name, out.String(), wire)
		}
		if string(tap) != "helloworld" || b.Trailer.Get("x-t") != "1" || !b.Done() {
			t.Errorf("%s: tap %q trailer %v done %v", name, tap, b.Trailer, b.Done())
		}
	}
}

type collect []byte

func (c *collect) Data(p []byte) { *c = append(*c, p...) }
func (c *collect) Full() bool    { return false }
func (c *collect) Skip(int64)    {}
