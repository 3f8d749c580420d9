package h2

import (
	"context"
	"net"

	"github.com/necto-dev/necto/traffic"
)

// Stream is one request and its answer. One goroutine at a time may read from it
// and one write to it; Reset, Close and Context may be called at any time.
//
// Once a stream was reset, its methods return the same *StreamError, and once the
// connection has ended why it did. What came before that is still read first.
type Stream struct {
	id   uint32
	head Head
}

// ID returns the identifier of the stream.
func (s *Stream) ID() uint32 { return s.id }

// Head returns the head of the request, on both sides. It must not be changed.
func (s *Stream) Head() Head { return s.head }

// Context ends when the stream was reset, the connection has ended, or, on a
// server, the handler has returned. Its cause is then what methods return; after a
// stream that ended well it is context.Canceled.
func (s *Stream) Context() context.Context { return context.Background() }

// ReadHead waits for the next head of the response, on the client's side: 1xx as
// many as there are, then the final one. It returns the context's error if that
// ends first, and leaves the stream open.
func (s *Stream) ReadHead(ctx context.Context) (Head, error) { return Head{}, ErrClosed }

// Length returns how long the content is that Read returns, in bytes: what
// content-length says, 0 for none, -1 if nothing says it. On the client's side it
// is known after the final head.
func (s *Stream) Length() int64 { return -1 }

// Read reads content. It returns io.EOF at the end of the message, perhaps
// together with the last bytes.
func (s *Stream) Read(p []byte) (int, error) { return 0, ErrClosed }

// Trailer returns the trailer section, nil for none, once Read has returned
// io.EOF.
func (s *Stream) Trailer() traffic.Fields { return nil }

// WriteHead sends the head of a response, on the server's side: 1xx, as many as
// wanted, then the final one. A head that may not be sent (RFC 9113 section 8.2
// and 8.3) is an error and changes nothing.
func (s *Stream) WriteHead(head Head) error { return ErrClosed }

// Write sends content. It keeps nothing of p, and returns when all is on its way
// to the connection, where the peer's windows and the connection leave room.
func (s *Stream) Write(p []byte) (int, error) { return 0, ErrClosed }

// WriteLast is Write and CloseWrite with no frame of its own for the end.
func (s *Stream) WriteLast(p []byte) (int, error) { return 0, ErrClosed }

// CloseWrite ends the message with a trailer section, which may be nil. Nothing
// happens if it has ended already.
func (s *Stream) CloseWrite(trailer traffic.Fields) error { return ErrClosed }

// Reset ends the stream with a RST_STREAM frame; nothing happens if it has ended
// already. Reads and writes that wait return at once.
func (s *Stream) Reset(code Code) {}

// Close ends the stream: nothing happens if both messages were finished, else it
// is reset with CodeCancel.
func (s *Stream) Close() error { return nil }

// NetConn returns the stream as a connection, for a tunnel (RFC 9113 section 8.5):
// CloseWrite ends the message, Close the stream, and deadlines work. The addresses
// are those of the connection below.
func (s *Stream) NetConn() net.Conn { return nil }
