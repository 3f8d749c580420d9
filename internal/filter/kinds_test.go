package filter_test

import (
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

func TestFrames(t *testing.T) {
	in := func() *filter.Subject {
		return frameOf(traffic.ServerToClient, traffic.OpText, `{"type":"order.created","n":1}`)
	}
	check(t, in, true, `
		ws
		wss
		ws host:chat opcode:text text:created
		host:example.com path:/rooms
		url:wss://chat
		status:101 method:GET
		dir:in
		dir:s2c
		dir:<-
		dir=server-to-client
		dir!=out
		dir:in,out
		opcode:text
		op:1
		opcode:0x1,binary
		opcode!=ping
		text:order
		frame:ORDER
		frame~created
		text!=x
		body:created
		bs:created
		json:type=order.created dir:in
		size=30
		id:7`)
	check(t, in, false, `
		http
		https
		dir:out
		dir:->
		opcode:ping
		opcode!=text
		text:deleted
		bq:created
		json:type=other
		close:1000
		dur>0
		req
		res
		error`)
	binary := func() *filter.Subject { return frameOf(traffic.ClientToServer, traffic.OpBinary, "\x89PNG") }
	check(t, binary, true, "frame:png\nbody:png\nopcode:binary dir:c2s\ndir:-->")
	check(t, binary, false, "text:png\njson:a")
	deep := func() *filter.Subject {
		return frameOf(traffic.ServerToClient, traffic.OpText, `{"a":1,"b":`+strings.Repeat("[", 10<<20))
	}
	check(t, deep, false, "json:a\njson:a=1")
	closing := func() *filter.Subject { return frameOf(traffic.ClientToServer, traffic.OpClose, "\x03\xe8bye") }
	check(t, closing, true, "close:1000\nclose>=1000\nopcode:close\nclose:1000-1003")
	check(t, closing, false, "close:1001\nclose!=1000\ntext:bye")
	silent := func() *filter.Subject { return frameOf(traffic.ClientToServer, traffic.OpClose, "") }
	check(t, silent, true, "close:1005")
	unknown := func() *filter.Subject {
		s := in()
		s.Exchange = nil
		return s
	}
	check(t, unknown, true, "ws\ntext:order\nnot host:chat")
	check(t, unknown, false, "wss\nhost:chat\nurl!=x\nmethod!=x\nstatus!=1\nid!=1\ntag!=x")
}

func TestEndsOfConnections(t *testing.T) {
	broken := func() *filter.Subject { return closeOf(1006) }
	check(t, broken, true, "ws\nwss\nclose:1006\nerror\nws and close:1006\nhost:chat\ndur>1s\ndur:5s")
	check(t, broken, false, "close:1000\ndir:in\nopcode:close\ntext:a\nbody:a\nsize>=0\nres\nmodified")
	check(t, func() *filter.Subject { return closeOf(1000) }, false, "error")
}

func TestTunnelsAndFailedHandshakes(t *testing.T) {
	check(t, tunnel, true, `
		tcp
		host:bank
		host:10.1.2.3
		host:10.1.2.3:8443
		host=www.bank.example
		port:8443
		size:1500
		dur:1s
		conn:9
		ip:127.0.0.1
		not error`)
	check(t, tunnel, false, "tls\nhttp\nws\nhttps\nurl:bank\nstatus!=1\nbody:x\nreq\nid:9\nport:443\npath!=x\nmethod!=x")
	check(t, tlsFailed, true, "tls\nerror\nhost:pinned.example.com\nip:::1\nip:[::1]\nconn:6")
	check(t, tlsFailed, false, "tcp\nhttps\nport:443\nhost:other\nip:127.0.0.1")
	failed := func() *filter.Subject {
		s := tunnel()
		s.Tunnel.Failure = &traffic.Failure{Kind: traffic.FailReset}
		return s
	}
	check(t, failed, true, "error")
}

func TestKeywords(t *testing.T) {
	with := func(url string, edit func(*filter.Subject)) func() *filter.Subject {
		return func() *filter.Subject {
			s := &filter.Subject{Exchange: exchange(url)}
			edit(s)
			return s
		}
	}
	header := func(fs *traffic.Fields, value string) { fs.Add("Content-Type", value) }
	tests := []struct {
		name     string
		url      string
		edit     func(*filter.Subject)
		yes, not string
	}{
		{name: "http", url: "http://a/", edit: func(*filter.Subject) {}, yes: "http h1 res", not: "https ws wss h2 h3 sse grpc tcp tls error pending held replayed mocked modified req"},
		{name: "https", url: "https://a/", edit: func(*filter.Subject) {}, yes: "http https", not: "ws wss"},
		{name: "ws", url: "ws://a/", edit: func(*filter.Subject) {}, yes: "ws", not: "wss http https"},
		{name: "wss", url: "wss://a/", edit: func(*filter.Subject) {}, yes: "ws wss", not: "http https"},
		{name: "live wss", url: "https://a/", edit: func(s *filter.Subject) { s.Exchange.WS = &traffic.WebSocket{} }, yes: "ws wss", not: "http https"},
		{name: "h2", url: "https://a/", edit: func(s *filter.Subject) { s.Exchange.Request.Proto = "HTTP/2.0" }, yes: "h2", not: "h1 h3"},
		{name: "h3", url: "https://a/", edit: func(s *filter.Subject) { s.Exchange.Request.Proto = "HTTP/3" }, yes: "h3", not: "h1 h2"},
		{name: "sse", url: "https://a/", edit: func(s *filter.Subject) {
			header(&s.Exchange.Response.Header, "Text/Event-Stream; charset=utf-8")
		}, yes: "sse", not: "grpc"},
		{name: "grpc", url: "https://a/", edit: func(s *filter.Subject) { header(&s.Exchange.Request.Header, "application/grpc+proto") }, yes: "grpc", not: "sse"},
		{name: "failed", url: "http://a/", edit: func(s *filter.Subject) {
			s.Exchange.Failure, s.Exchange.Response = &traffic.Failure{Kind: traffic.FailDNS}, nil
		}, yes: "error req", not: "res"},
		{name: "pending", url: "http://a/", edit: func(s *filter.Subject) { s.Pending, s.Held, s.Exchange.Response = true, true, nil }, yes: "pending held req", not: "res error"},
		{name: "mocked", url: "http://a/", edit: func(s *filter.Subject) {
			s.Exchange.Rules, s.Exchange.Response.Source = []string{"users"}, traffic.SourceRule
		}, yes: "mocked", not: "modified replayed"},
		{name: "modified request", url: "http://a/", edit: func(s *filter.Subject) { s.Exchange.Sent = &traffic.Request{} }, yes: "modified", not: "mocked"},
		{name: "modified response", url: "http://a/", edit: func(s *filter.Subject) { s.Exchange.Received = &traffic.Response{} }, yes: "modified", not: "mocked"},
		{name: "only delayed", url: "http://a/", edit: func(s *filter.Subject) { s.Exchange.Rules = []string{"slow"} }, yes: "res", not: "modified mocked"},
		{name: "replayed", url: "http://a/", edit: func(s *filter.Subject) {
			s.Exchange.Tags, s.Exchange.Rules, s.Exchange.Server = []string{filter.TagReplayed}, []string{"r"}, ""
		}, yes: "replayed modified", not: "mocked"},
		{name: "edited frame", url: "ws://a/", edit: func(s *filter.Subject) { s.Frame = &traffic.Frame{Edited: true} }, yes: "modified ws", not: "mocked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, with(test.url, test.edit), true, strings.ReplaceAll(test.yes, " ", "\n"))
			check(t, with(test.url, test.edit), false, strings.ReplaceAll(test.not, " ", "\n"))
		})
	}
}
