package replay

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// isCall reports whether a request is a gRPC call that may be answered before its
// end. A request of gRPC-Web is complete before it is answered.
func isCall(method string, header traffic.Fields) bool {
	return method == "POST" && grpcwire.FormatOf(header.Get("Content-Type")) == grpcwire.GRPC && !header.Has("Content-Encoding")
}

// isOverdue reports whether a call lasted as long as its client wanted to wait:
// then it may have been the server that ended it, in the same moment.
func isOverdue(entry *record.Entry) bool {
	timeout, ok := grpcwire.Timeout(entry.Request.Header)
	return ok && entry.Duration >= timeout-timeout/10
}

// callMethod stands for the method in the key of calls that go turn by turn, which
// all calls of a path share.
const callMethod = "POST grpc"

// callKey returns the partial key of a call that goes turn by turn.
func callKey(target string, tol *tolerance) key {
	return partialKey(callMethod, target, digest{}, tol)
}

// isTurnByTurn reports whether, in a recorded call, the server said something, or
// ended the call, before the client had ended its side. messages and end are the
// members grpc and grpcEnd of its line.
func isTurnByTurn(messages, end gjson.Result) bool {
	clients, server := 0, -1 // what the client said before the server's first message
	turns := false
	messages.ForEach(func(_, m gjson.Result) bool {
		fromServer := m.Get("dir").Str == traffic.ServerToClient.String()
		switch {
		case fromServer && server < 0:
			server = clients
		case !fromServer:
			clients++
			turns = server >= 0
		}
		return !turns
	})
	return turns || end.Exists() && (end.Int() < 0 || server >= 0 && end.Int() > int64(server))
}

// turns sets the key of a call that goes turn by turn. One whose messages are not
// all there cannot be compared.
func (l *loader) turns(r *row, line record.Line, req record.EntryRequest, u traffic.URL) {
	r.nearby = nearbyOf(u.Target)
	if req.Body != nil && req.Body.Truncated {
		r.truncated(line)
		return
	}
	r.key = callKey(u.Target, &l.learning).at(l.place(u))
}

// call is a recorded gRPC call as a conversation: what the client said, and what
// the server did behind how much of it. But for claimed it does not change.
type call struct {
	number  uint32 // of its line
	asked   []digest
	steps   []step // the last one is the end
	timed   bool   // the recording says when messages were sent
	claimed atomic.Bool
}

// step is a message of the server, or the end of a call.
type step struct {
	// asked is how many messages of the client came before it, and ended whether
	// the client had ended its side.
	asked int
	ended bool
	// after is the time since what came before it.
	after time.Duration
	// size is that of the message in bytes with its prefix, 0 for the end; reply
	// identifies what was sent.
	size  int64
	reply digest
	// last is the end, which never comes if hangs.
	last, hangs bool
}

// loadCall reads the call in a line.
func (x *Index) loadCall(number uint32) (*call, error) {
	entry, err := x.entry(number)
	if err != nil {
		return nil, err
	}
	u, err := parseURL(entry.Request.URL)
	if err != nil {
		return nil, err
	}
	c := &call{number: number, timed: len(entry.GRPC) > 0}
	f := x.fileOf(number)
	c.asked, err = messagesIn(f, entry.Request.Body, func(body io.Reader) ([]digest, error) {
		return askedIn(newCallReader(body, u.Path(), traffic.ClientToServer, entry.Request.Header, &x.tolerance))
	})
	var replies []step
	if entry.Response != nil && err == nil {
		replies, err = messagesIn(f, entry.Response.Body, repliesIn)
	}
	c.schedule(entry, replies)
	return c, err
}

// messagesIn returns what read finds in a recorded body, nothing without one.
func messagesIn[T any](f *record.File, b *record.EntryBody, read func(io.Reader) ([]T, error)) (found []T, err error) {
	if b == nil {
		return nil, nil
	}
	body, err := f.OpenBody(b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return read(body)
}

// askedIn returns what the client of a recorded call has said. What is behind its
// last whole message was not heard by anybody.
func askedIn(r *callReader) (asked []digest, err error) {
	for m, ok := r.next(); ok; m, ok = r.next() {
		asked = append(asked, m.digest)
	}
	return asked, unlessCut(r.messages.Err())
}

// repliesIn returns a step for each message of the server, of which it knows what
// was sent but not when.
func repliesIn(body io.Reader) (replies []step, err error) {
	r := grpcwire.NewReader(body, grpcwire.GRPC, coding.MaxDecoded)
	for r.Next() {
		prefix := grpcwire.AppendPrefix(nil, r.Message())
		sent := hashBytes(domainMessage, prefix).then(hashBytes(domainMessage, r.Content()))
		replies = append(replies, step{size: int64(len(prefix)) + r.Message().Size, reply: sent})
	}
	return replies, unlessCut(r.Err())
}

// unlessCut returns err unless it is that of a body that ends inside a message.
func unlessCut(err error) error {
	if errors.Is(err, grpcwire.ErrCut) {
		return nil
	}
	return err
}

// schedule fills in the steps: replies in the order of the recording. Where that
// says nothing of a message, it came behind all else.
func (c *call) schedule(entry *record.Entry, replies []step) {
	asked := 0
	var before time.Duration
	for i, m := range entry.GRPC {
		if m.Dir == traffic.ClientToServer {
			asked = min(asked+1, len(c.asked))
		} else if len(c.steps) < len(replies) {
			s := replies[len(c.steps)]
			s.asked, s.after = asked, m.At-before
			s.ended = asked == len(c.asked) && entry.GRPCEnd >= 0 && i >= entry.GRPCEnd
			c.steps = append(c.steps, s)
		}
		before = m.At
	}
	if len(entry.GRPC) == 0 {
		asked = len(c.asked)
	}
	ended := entry.GRPCEnd >= 0 && asked == len(c.asked)
	for _, s := range replies[len(c.steps):] {
		s.asked, s.ended = asked, ended
		c.steps = append(c.steps, s)
	}
	c.steps = append(c.steps, step{
		asked: asked, ended: ended, after: max(0, entry.Duration-before), last: true, hangs: entry.Failure != nil,
	})
}
