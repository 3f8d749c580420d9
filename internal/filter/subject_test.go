package filter_test

import (
	"time"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// exchange returns an exchange of GET with that URL, answered with 200.
func exchange(url string, edits ...func(*traffic.Exchange)) *traffic.Exchange {
	u, err := traffic.ParseURL(url)
	if err != nil {
		panic(err)
	}
	x := &traffic.Exchange{
		ID: 7, Conn: 3,
		Client: "127.0.0.1:50312", Server: "203.0.113.7:443",
		Duration: 604500 * time.Microsecond,
		Request: &traffic.Request{
			Method: "GET", Target: u.Target, URL: u, Proto: "HTTP/1.1",
			Header: traffic.Fields{{Name: "Host", Value: u.Authority}},
		},
		Response: &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1"},
	}
	for _, edit := range edits {
		edit(x)
	}
	return x
}

// order is the exchange that most cases look at.
func order() *filter.Subject {
	x := exchange("https://api.example.com/v1/orders?expand=Items&page=2", func(x *traffic.Exchange) {
		x.Request.Method = "POST"
		x.Request.Header = append(x.Request.Header,
			traffic.Field{Name: "content-type", Value: "application/json"},
			traffic.Field{Name: "X-Id", Value: "abc-17"})
		x.Response.Status = 404
		x.Response.Header = traffic.Fields{
			{Name: "Content-Type", Value: "application/problem+json; charset=utf-8"},
			{Name: "Content-Length", Value: "2048"},
			{Name: "Set-Cookie", Value: "a=1"},
			{Name: "Set-Cookie", Value: "b=2"},
		}
		x.ResponseBody = traffic.BodyOf(make([]byte, 2048))
		x.Rules = []string{"slow orders"}
		x.Tags = []string{"checkout"}
	})
	contents := [...][]byte{
		[]byte(`{"item": "A1", "count": 3, "lines": [{"sku": "x"}, {"sku": "y"}], "none": null}`),
		[]byte(`{"error":"no such Ítem, sorry"}`),
	}
	return &filter.Subject{
		Exchange: x, Session: "01KAHQ2V7M6Q9Z4B8N3T5R1XCD", Comment: "the slow one",
		Content: func(dir traffic.Direction) []byte { return contents[dir] },
	}
}

// socket returns the handshake of a WebSocket connection as it is live, where
// its URL still says http.
func socket() *traffic.Exchange {
	return exchange("https://chat.example.com/rooms/general", func(x *traffic.Exchange) {
		x.Response.Status = 101
		x.WS = &traffic.WebSocket{Subprotocol: "chat"}
	})
}

func frameOf(dir traffic.Direction, op traffic.Opcode, payload string) *filter.Subject {
	x := socket()
	return &filter.Subject{Exchange: x, Frame: &traffic.Frame{
		Exchange: x, Seq: 1, Dir: dir, Opcode: op, Fin: true,
		Length: int64(len(payload)), Size: int64(len(payload)), Payload: []byte(payload),
	}}
}

func closeOf(code int) *filter.Subject {
	return &filter.Subject{Exchange: socket(), Close: &traffic.WSClose{Code: code, Duration: 5 * time.Second}}
}

func tunnel() *filter.Subject {
	return &filter.Subject{Tunnel: &traffic.Tunnel{
		Conn: 9, Client: "127.0.0.1:50350", Target: "10.1.2.3:8443", SNI: "www.bank.example",
		BytesUp: 1000, BytesDown: 500, Duration: time.Second,
	}}
}

func tlsFailed() *filter.Subject {
	return &filter.Subject{TLSFailed: &traffic.TLSFailed{Conn: 6, Client: "[::1]:50340", SNI: "pinned.example.com", Failure: "cert-rejected"}}
}
