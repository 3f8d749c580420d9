package tail

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// isCall reports whether an exchange is a gRPC call.
func isCall(e *record.Entry) bool {
	return grpcwire.FormatOf(e.Request.Header.Get("Content-Type")) != grpcwire.None
}

// call makes the line of an exchange that of a call: its method is gRPC, its
// status that of gRPC if it has one, its URL begins with the host, and notes say
// how many messages there were.
func (p *printer) call(h *head, e *record.Entry, notes []string) (url string, _ []string) {
	h.method = "gRPC"
	if status, ok := grpcwire.StatusOf(e.Exchange(nil)); ok && e.Failure == nil {
		h.status, h.style = fmt.Sprintf("%-3s", status.Name()), p.styles.good
		if status.Code != grpcwire.CodeOK {
			h.style = p.styles.bad
		}
		if status.Message != "" {
			notes = append(notes, status.Message)
		}
	}
	if len(e.GRPC) > 0 {
		notes = append(notes, messageCount(e.GRPC))
	}
	_, url, found := strings.Cut(e.Request.URL, "://")
	if !found {
		url = e.Request.URL
	}
	return url, notes
}

// messageCount says how many messages went in each direction.
func messageCount(messages []traffic.GRPCMessage) string {
	var counts [2]int
	for _, m := range messages {
		counts[m.Dir]++
	}
	return fmt.Sprintf("%d -->, %d <--", counts[traffic.ClientToServer], counts[traffic.ServerToClient])
}

// messages appends the messages of a call as JSON, in the order in which they
// passed: those of the client with > and those of the server with <.
func (p *printer) messages(it *item, e *record.Entry) {
	var texts [2][]protoset.Text
	texts[traffic.ClientToServer] = p.texts(it, e, traffic.ClientToServer, e.Request.Body, e.Request.Header)
	if r := e.Response; r != nil {
		texts[traffic.ServerToClient] = p.texts(it, e, traffic.ServerToClient, r.Body, r.Header)
	}
	for _, m := range e.GRPC {
		if len(texts[m.Dir]) > 0 {
			p.message(m.Dir, texts[m.Dir][0])
			texts[m.Dir] = texts[m.Dir][1:]
		}
	}
	for dir, rest := range texts { // of which nobody noted when they came
		for _, text := range rest {
			p.message(traffic.Direction(dir), text)
		}
	}
}

// texts returns the messages in a body. One that cannot be read has none.
func (p *printer) texts(
	it *item, e *record.Entry, dir traffic.Direction, b *record.EntryBody, header traffic.Fields,
) (texts []protoset.Text) {
	content, err := readContent(it.source, b)
	if err != nil {
		return []protoset.Text{{Err: err}}
	}
	path := e.Exchange(nil).Request.URL.Path()
	body := protoset.Body{Path: path, Dir: dir, Header: header, Content: bytes.NewReader(content)}
	p.o.Protos.Each(body, func(t protoset.Text) bool {
		texts = append(texts, t)
		return true
	})
	return texts
}

// message appends a message.
func (p *printer) message(dir traffic.Direction, t protoset.Text) {
	m := message{p: p, sign: p.styles.client.Sprint(">")}
	if dir == traffic.ServerToClient {
		m.sign = p.styles.server.Sprint("<")
	}
	if t.Err != nil {
		m.line("(" + sizeText(t.Size) + ", " + t.Err.Error() + ")")
		return
	}
	if p.o.Pretty {
		if pretty, ok := indented(t.JSON); ok {
			t.JSON = pretty
		}
	}
	m.text(t.JSON)
}
