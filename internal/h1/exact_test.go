package h1

import (
	"io"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// oddRequests must reach the origin as they came.
var oddRequests = []string{
	"GET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.0\r\nHOST:a\r\n\r\n",
	"POST /%2f|//a/../{}?a=1;b=2&c=%zz HTTP/1.1\r\nz-Last: 1\r\nHOST:  a\r\nA-First:\t2 \t\r\nx-Dup: 1\r\nX-dup:2 \r\n" +
		"x-Dup: 1\r\nX-Empty:\r\nX-Blank: \t\r\nX-Bytes: \x80\xff\r\nContent-Length: 0\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nConnection: Keep-Alive , X\r\nKeep-Alive: 5\r\nTE: trailers\r\nMax-Forwards: 0\r\nUpgrade:x\r\n\r\n",
	"GET / HTTP/1.1\r\nProxy-Status: kept\r\nProxy-Something-Else: kept\r\nProxy: kept\r\n\r\n",
}

// oddResponses must reach the client as they came.
var oddResponses = []string{
	"HTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 200\r\n\r\n",
	"HTTP/1.1 200 \r\n\r\n",
	"HTTP/1.0 200 Fine And Dandy\r\nset-cookie: a\r\nSet-Cookie: b\r\n\r\n",
	"HTTP/1.1 999 Weird  \r\nSERVER:x\r\ndate:  never \r\n\r\n",
	"HTTP/1.1 404 \xc3\xbc\r\nA: \xfc\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nlink: </a>;rel=preload\r\nLink: </b>\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
}

func TestRequestHeadsKeepTheirBytes(t *testing.T) {
	for _, head := range oddRequests {
		splits(head, func(src io.Reader) {
			req, err := NewReader(src, Limits{}).ReadRequest()
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			if got := string(AppendRequest([]byte("before"), req, req.Target)); got != "before"+head {
				t.Errorf("written as\n%q\nwant\n%q", got, head)
			}
		})
	}
}

func TestResponseHeadsKeepTheirBytes(t *testing.T) {
	for _, head := range oddResponses {
		splits(head, func(src io.Reader) {
			resp, err := NewReader(src, Limits{}).ReadResponse()
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			if got := string(AppendResponse([]byte("before"), resp)); got != "before"+head {
				t.Errorf("written as\n%q\nwant\n%q", got, head)
			}
		})
	}
}

func TestRewrittenHeads(t *testing.T) {
	tests := []struct {
		name, head string
		target     string
		edit       func(*traffic.Fields)
		want       string
	}{
		{
			name: "target", head: "GET http://a/x HTTP/1.1\r\nhost:a\r\n\r\n", target: "/x",
			want: "GET /x HTTP/1.1\r\nhost:a\r\n\r\n",
		},
		{
			name: "proxy fields", target: "/",
			head: "GET / HTTP/1.1\r\nProxy-Authorization: x\r\na:1\r\nPROXY-CONNECTION: x\r\nb:2\r\nproxy-authenticate: x\r\n\r\n",
			want: "GET / HTTP/1.1\r\na:1\r\nb:2\r\n\r\n",
		},
		{
			name: "set keeps place and spelling", target: "/", head: "GET / HTTP/1.1\r\na:1\r\nb:\t2\r\nC:3\r\nB:4\r\nd:5\r\n\r\n",
			edit: func(fs *traffic.Fields) { fs.Set("B", "new") },
			want: "GET / HTTP/1.1\r\na:1\r\nb: new\r\nC:3\r\nd:5\r\n\r\n",
		},
		{
			name: "add and delete", target: "/", head: "GET / HTTP/1.1\r\na:1\r\nb:\t2\r\n\r\n",
			edit: func(fs *traffic.Fields) { fs.Del("A"); fs.Add("c", "3") },
			want: "GET / HTTP/1.1\r\nb:\t2\r\nc: 3\r\n\r\n",
		},
		{
			name: "LF in the start line", target: "/", head: "GET / HTTP/1.1\na:1\nb:2\r\n\n",
			want: "GET / HTTP/1.1\r\na:1\nb:2\r\n\r\n",
		},
	}
	for _, test := range tests {
		req, err := source(test.head).ReadRequest()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if test.edit != nil {
			test.edit(&req.Header)
		}
		if got := string(AppendRequest(nil, req, test.target)); got != test.want {
			t.Errorf("%s: written as\n%q\nwant\n%q", test.name, got, test.want)
		}
	}
}

func TestRewrittenResponseHeads(t *testing.T) {
	const head = "HTTP/1.1 200 Fine\r\na:1\r\nB : 2\r\nProxy-Connection: x\r\nc: 3\r\n\t4\r\nProxy-Authenticate: x\r\nd:5\n\r\n"
	const want = "HTTP/1.1 200 Fine\r\na:1\r\nB: 2\r\nc: 3 4\r\nd:5\n\r\n"
	resp, err := source(head).ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(AppendResponse(nil, resp)); got != want {
		t.Errorf("written as\n%q\nwant\n%q", got, want)
	}
	resp.Status = 500
	if got := string(AppendResponse(nil, resp)); !strings.HasPrefix(got, "HTTP/1.1 500 Fine\r\na:1\r\n") {
		t.Errorf("an edited status is written as\n%q", got)
	}
}

func TestBodiesMadeInCode(t *testing.T) {
	wire := AppendChunk([]byte("before:"), []byte(strings.Repeat("x", 26)))
	wire = AppendLastChunk(wire, traffic.Fields{{Name: "T", Value: "1"}, traffic.WireField("u", "2", "u:2\n")})
	if want := "before:1a\r\n" + strings.Repeat("x", 26) + "\r\n0\r\nT: 1\r\nu:2\n\r\n"; string(wire) != want {
		t.Errorf("written as\n%q\nwant\n%q", wire, want)
	}
	if got := string(AppendLastChunk(nil, nil)); got != "0\r\n\r\n" {
		t.Errorf("the last chunk is %q", got)
	}
}
