//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMessagesAreAsDescribed(t *testing.T) {
	for _, conn := range []int{0, connections - 1} {
		m := chatMessage(conn)
		if len(m) != messageSize || !json.Valid(m) {
			t.Errorf("message of connection %d is %d bytes, valid JSON %t; want %d, true", conn, len(m), json.Valid(m), messageSize)
		}
	}
	request := chatRequest(chatPath, "127.0.0.1:1")
	if n := bytes.Count(request, []byte("\r\n")) - 2; n != 9 {
		t.Errorf("the handshake has %d fields, want 9", n)
	}
}

func TestTextFrame(t *testing.T) {
	payload := chatMessage(0)
	plain := append([]byte{0x81, 126, 0, 128}, payload...)
	if got := textFrame(payload, nil); !bytes.Equal(got, plain) {
		t.Errorf("without a mask: %q, want %q", got, plain)
	}
	masked := append([]byte{0x81, 0x80 | 126, 0, 128, 1, 2, 3, 4}, payload...)
	for i := range payload {
		masked[8+i] ^= []byte{1, 2, 3, 4}[i%4]
	}
	if got := textFrame(payload, []byte{1, 2, 3, 4}); !bytes.Equal(got, masked) {
		t.Errorf("with a mask: %q, want %q", got, masked)
	}
}

func TestAppendUnmasked(t *testing.T) {
	// The first is the example of RFC 6455 section 5.7.
	hello := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	long := textFrame(chatMessage(3), []byte{9, 8, 7, 6})
	tests := []struct {
		name string
		in   []byte
		want []byte
	}{
		{"short", hello, []byte("\x81\x05Hello")},
		{"length of 16 bits", long, textFrame(chatMessage(3), nil)},
		{"empty ping", []byte{0x89, 0x80, 1, 2, 3, 4}, []byte{0x89, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, n, err := appendUnmasked([]byte("x"), append(bytes.Clone(tt.in), "more"...))
			if want := append([]byte("x"), tt.want...); !bytes.Equal(got, want) || n != len(tt.in) || err != nil {
				t.Errorf("appendUnmasked = %q, %d, %v; want %q, %d", got, n, err, want, len(tt.in))
			}
			for i := range tt.in {
				if got, n, err := appendUnmasked(nil, tt.in[:i]); len(got) != 0 || n != 0 || err != nil {
					t.Errorf("of the first %d bytes: %q, %d, %v; want nothing", i, got, n, err)
				}
			}
		})
	}
	for name, bad := range map[string][]byte{"no mask": {0x81, 5}, "too long": {0x81, 0x80 | 127}} {
		if _, _, err := appendUnmasked(nil, bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func FuzzAppendUnmasked(f *testing.F) {
	f.Add(textFrame(chatMessage(3), []byte{9, 8, 7, 6}))
	f.Add([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
	f.Add([]byte{0x81, 0x80 | 126, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, n, err := appendUnmasked(nil, b)
		switch {
		case n == 0 || err != nil:
			if len(got) != 0 || n != 0 {
				t.Errorf("%q, %d with error %v, want nothing", got, n, err)
			}
		case n > len(b) || len(got) != n-maskKeyLen:
			t.Errorf("a frame of %d out of %d bytes became %d", n, len(b), len(got))
		}
	})
}

func TestEchoNumbersItsMessages(t *testing.T) {
	e := newEcho(5)
	seen := map[string]bool{}
	for i := range 20 {
		got, n, err := appendUnmasked(nil, e.next())
		if err != nil || n != len(e.frame) || !bytes.Contains(got, fmt.Appendf(nil, `{"n":"%08x",`, i+1)) {
			t.Fatalf("message %d is %q, %v", i+1, got, err)
		}
		if size, err := e.size(got); size != len(got) || err != nil {
			t.Fatalf("size of the echo = %d, %v; want %d", size, err, len(got))
		}
		seen[string(got)] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 messages are different", len(seen))
	}
}

func TestEchoChecksEveryByte(t *testing.T) {
	e := newEcho(0)
	e.next()
	for i := range e.back {
		if size, err := e.size(e.back[:i]); size != 0 || err != nil {
			t.Fatalf("size of the first %d bytes = %d, %v; want 0, nil", i, size, err)
		}
		bad := bytes.Clone(e.back)
		bad[i] ^= 1
		if _, err := e.size(bad); err == nil {
			t.Errorf("a change of byte %d was not noticed", i)
		}
	}
}

func BenchmarkEcho(b *testing.B) {
	e := newEcho(0)
	b.ReportAllocs()
	for b.Loop() {
		e.next()
		if size, err := e.size(e.back); size != len(e.back) || err != nil {
			b.Fatal(size, err)
		}
	}
}

func TestOriginTakesAnySplit(t *testing.T) {
	e := newEcho(1)
	in := append(chatRequest(chatPath, "x"), e.next()...)
	want := append([]byte(chatAnswer), e.back...)
	in = append(in, e.next()...)
	want = append(want, e.back...)
	for cut := range in {
		var c originConn
		got, rest, err := appendEchoes(nil, &c, in[:cut])
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err = appendEchoes(got, &c, append(bytes.Clone(rest), in[cut:]...))
		if !bytes.Equal(got, want) || len(rest) != 0 || err != nil {
			t.Fatalf("cut at %d: %q, rest %q, %v; want %q", cut, got, rest, err, want)
		}
	}
}

func TestEchoLoadCountsWhatItOpensAndSends(t *testing.T) {
	l := testLab(t)
	origin := mustHelper(t, l, "origin-echo", nil)
	for _, peer := range []struct {
		name string
		load loader
	}{{"relay", loadEcho}, {"reverseproxy", loadEcho}, {"goproxy", loadEchoAbsolute}} {
		t.Run(peer.name, func(t *testing.T) {
			proxy := mustHelper(t, l, peer.name, origin)
			asked, err := peer.load(l, origin, proxy)
			if err != nil {
				t.Fatal(err)
			}
			s, err := asked.open(t.Context(), proxy.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			opened := connections
			for _, d := range []time.Duration{0, 30 * time.Millisecond} {
				got, err := s.run(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				n := len(got.latencies)
				if want := (counts{websockets: opened, frames: 2 * n}); got.counts != want || n < connections || got.ops != float64(n) {
					t.Errorf("run for %v: %v in %v operations of %d latencies, want %v", d, got.counts, got.ops, n, want)
				}
				opened = 0
			}
		})
	}
}

func TestEchoLoadNoticesFaults(t *testing.T) {
	good := string(textFrame(chatMessage(0), nil))
	tests := []struct {
		name   string
		answer string // to the handshake
		echo   string // to the first frame
		want   string
	}{
		{"refuses", "HTTP/1.1 403 No\r\n\r\n", "", "handshake: answer is 403"},
		{"accepts another key", strings.Replace(chatAnswer, "s3p", "S3P", 1), "", `accepts "S3P`},
		{"says too much", chatAnswer + "\x81\x00", "", "bytes after the answer"},
		{"is no HTTP", "hello\r\n\r\n", "", "malformed"},
		{"echoes another message", chatAnswer, good, "the echo is"},
		{"leaves", chatAnswer, "", "closed by the server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go answerInTurn(ln, tt.answer, tt.echo)
			err = openAndRun(t, echoLoad{chatRequest(chatPath, "x")}, ln.Addr().String())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}
