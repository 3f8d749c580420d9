package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// clientStream is the client's side of an exchange in HTTP/2.
type clientStream struct {
	st       *h2.Stream
	source   streamSource // of the request's content, zero if there is none
	answered bool         // the final head was sent
}

// await implements clientSide: the engine notices when the client leaves.
func (s *clientStream) await() {}

// awaited implements clientSide.
func (s *clientStream) awaited() {}

// interrupt implements clientSide.
func (s *clientStream) interrupt() {
	if s.source.conn != nil {
		_ = s.source.conn.SetReadDeadline(time.Now())
	}
}

// inform implements clientSide.
func (s *clientStream) inform(resp *traffic.Response) error {
	return s.st.WriteHead(h2.ResponseHead(resp.Status, fields2(resp.Header)))
}

// fit implements clientSide.
func (s *clientStream) fit(_ *exchange, resp *traffic.Response, framing h1.Framing) {
	if resp.Status == http.StatusSwitchingProtocols {
		resp.Proto, resp.Reason = proto2, ""
		return
	}
	response2(resp)
	if framing.Kind == h1.ByLength && framing.Length != resp.Length || framing.Kind == h1.Chunked {
		resp.Header = withLength(resp.Header, noLength)
	}
}

// respond implements clientSide.
func (s *clientStream) respond(x *exchange, resp *traffic.Response) bool {
	x.withoutAltSvc(resp)
	framing, err := h1.ResponseFraming(resp, x.Request.Method)
	if err != nil {
		_ = closeBody(resp.Body) // ends the upload, too
		return x.fail(&traffic.Failure{Kind: traffic.FailProtocol, Side: traffic.SideUpstream, Text: err.Error(), Err: err})
	}
	err = s.relay(x, resp, framing)
	if closeErr := closeBody(resp.Body); err == nil {
		err = closeErr
	}
	if err != nil {
		x.setFailure(relayFailure(err))
		s.end(x)
		return false
	}
	s.drainRequest(x)
	return true
}

// relay sends head and content.
func (s *clientStream) relay(x *exchange, resp *traffic.Response, framing h1.Framing) error {
	head := h2.ResponseHead(resp.Status, fields2(resp.Header))
	head.End = framing.Kind == h1.NoBody || endsWithHead(resp)
	if err := s.st.WriteHead(head); err != nil {
		return &h1.WriteError{Err: err}
	}
	s.answered = true
	if head.End {
		return nil
	}
	tap := x.captureAnswer(resp.Length)
	if memory, ok := resp.Body.(*traffic.MemoryBody); ok && len(resp.Trailer) == 0 && resp.Length == int64(len(memory.Bytes())) {
		tap.Data(memory.Bytes())
		if _, err := s.st.WriteLast(memory.Bytes()); err != nil {
			return &h1.WriteError{Err: err}
		}
		return nil
	}
	sent, err := copyStream(s.st, resp.Body, resp.Length, tap, &resp.Trailer)
	x.Response.Trailer = resp.Trailer
	if sent == resp.Length && x.left() != nil {
		err = nil // curl does not wait for the end once it has what the head announces
	}
	return err
}

// endsWithHead reports whether it is known that nothing follows the head of a
// response. Clients of gRPC look for a status in it only if the head says so.
func endsWithHead(resp *traffic.Response) bool {
	switch body := resp.Body.(type) {
	case nil:
		return true
	case *streamBody:
		return body.done
	case *traffic.MemoryBody:
		return len(body.Bytes()) == 0 && resp.Length <= 0 && len(resp.Trailer) == 0
	}
	return false
}

// drainRequest reads what an answer has left unread of a request, as for HTTP/1.
// Whatever is missing then is not waited for (RFC 9113 section 8.1).
func (s *clientStream) drainRequest(x *exchange) {
	if x.reqBody == nil || x.reqBody.Done() {
		return
	}
	if x.reqBody.unread() && !x.Request.Header.HasToken("Expect", "100-continue") {
		enough := time.AfterFunc(drainTime, s.interrupt)
		defer enough.Stop()
		_ = x.drain(maxDrain)
	}
	if !x.reqBody.Done() {
		s.st.Reset(h2.CodeNo)
	}
}

// refuse implements clientSide. An origin's RST_STREAM is passed on as what it
// is.
func (s *clientStream) refuse(x *exchange, status int) {
	reset, ok := errors.AsType[*h2.StreamError](x.Failure)
	if ok && reset.Remote {
		s.reset(x)
		return
	}
	if s.writeText(status, x.Failure.Text, x.Request.Method != http.MethodHead) == nil {
		s.drainRequest(x)
	}
}

// writeText sends an answer of necto's own, with more fields if there are any.
func (s *clientStream) writeText(status int, text string, withBody bool, fields ...traffic.Field) error {
	text = "necto: " + text + "\n"
	head := h2.ResponseHead(status, append(traffic.Fields{
		{Name: "content-type", Value: "text/plain; charset=utf-8"},
		{Name: "x-content-type-options", Value: "nosniff"},
		{Name: "content-length", Value: strconv.Itoa(len(text))},
	}, fields...))
	head.End = !withBody
	s.answered = true
	if err := s.st.WriteHead(head); err != nil || !withBody {
		return err
	}
	_, err := s.st.WriteLast([]byte(text))
	return err
}

// end implements clientSide: of all streams only this one sees it.
func (s *clientStream) end(x *exchange) {
	switch x.Failure.End {
	case traffic.EndClose:
		if s.answered {
			_ = s.st.CloseWrite(nil) // the client may have left
		} else {
			s.st.Reset(h2.CodeNo)
		}
	case traffic.EndHang:
		if x.reqBody.unread() {
			_ = x.drain(-1)
		}
		_, _ = io.Copy(io.Discard, s.st)
		<-x.ctx.Done()
		s.reset(x)
	case traffic.EndMalformed:
		s.st.Reset(h2.CodeProtocol)
	default:
		s.reset(x)
	}
}

// reset implements clientSide.
func (s *clientStream) reset(x *exchange) { s.st.Reset(codeOf(x.Failure, h2.CodeInternal)) }

// upgrade implements clientSide: it is the answer to an extended CONNECT.
func (s *clientStream) upgrade(x *exchange, resp *traffic.Response) {
	origin, ok := resp.Body.(tunnelConn)
	if !ok || !opensWebSocket(x.Request, resp) {
		_ = closeBody(resp.Body)
		x.fail(&traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "a 101 in HTTP/2 that opens no WebSocket connection"})
		return
	}
	fields := fields2(resp.Header).Without(wsAccept)
	if err := s.st.WriteHead(h2.ResponseHead(http.StatusOK, fields)); err != nil {
		_ = origin.Close()
		x.setFailure(clientFailure(err))
		s.reset(x)
		return
	}
	x.relayWebSocket(resp, origin, viaHTTP2)
}

var _ clientSide = (*clientStream)(nil)
