package record

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

// harSink writes the lines of a recording as a HAR.
type harSink struct {
	w       *har.Writer
	profile har.Profile
	open    opener
	// before has the lines that have no form in HAR, each with its end, on their way
	// into the next entry; nil for none. There can be any number of them.
	before  *traffic.Body
	pending map[uint64][]byte
	sockets map[uint64]*harSocket
	frames  spool
}

// harSocket is a WebSocket connection that has not ended.
type harSocket struct {
	line   []byte
	frames []extent
	open   opener
	// sidecars has the names of content of frames that is not in their lines, nil for
	// none.
	sidecars map[string]bool
}

func newHARSink(w *har.Writer, profile har.Profile, open opener) *harSink {
	return &harSink{
		w: w, profile: profile, open: open, pending: map[uint64][]byte{}, sockets: map[uint64]*harSocket{},
	}
}

// line writes a line, or keeps it until it can be.
func (s *harSink) line(raw []byte) error {
	head := parseHead(raw)
	switch head.lineType {
	case TypeHTTP:
		return errors.Join(s.supersede(head.id), s.entry(raw, nil, nil))
	case TypePending:
		s.pending[head.id] = bytes.Clone(raw)
	case TypeWSOpen:
		s.sockets[head.id] = &harSocket{line: bytes.Clone(raw), open: s.open}
		return s.supersede(head.id)
	case TypeWSFrame:
		socket := s.sockets[head.id]
		if socket == nil { // of a connection that nobody knows
			return s.keep(raw)
		}
		addSidecars(&socket.sidecars, raw)
		at, err := s.frames.add(raw)
		socket.frames = append(socket.frames, at)
		return err
	case TypeWSClose:
		return s.ended(head.id, raw)
	default:
		return s.keep(raw)
	}
	return nil
}

// keep keeps a line for `_necto`.
func (s *harSink) keep(raw []byte) error {
	if s.before == nil {
		s.before = traffic.NewBody(-1)
	}
	s.before.Append(raw)
	s.before.Append([]byte("\n"))
	return s.before.Err()
}

// takeKept returns the lines that were kept, and keeps them no longer.
func (s *harSink) takeKept() ([]byte, error) {
	if s.before == nil {
		return nil, nil
	}
	lines, err := io.ReadAll(s.before.Open())
	s.before.Release()
	s.before = nil
	return lines, err
}

// supersede keeps the line that an exchange had while it went on.
func (s *harSink) supersede(id uint64) error {
	old, ok := s.pending[id]
	if !ok {
		return nil
	}
	delete(s.pending, id)
	return s.keep(old)
}

// ended writes a WebSocket connection, whose last line is closed.
func (s *harSink) ended(id uint64, closed []byte) error {
	socket := s.sockets[id]
	if socket == nil {
		return s.keep(closed)
	}
	delete(s.sockets, id)
	err := s.entry(socket.line, socket, closed)
	if len(s.sockets) == 0 && err == nil {
		err = s.frames.reset()
	}
	return err
}

// entry writes an exchange. closed is the line of the end of its connection, nil
// for none.
func (s *harSink) entry(raw []byte, socket *harSocket, closed []byte) error {
	e, err := ParseEntry(raw)
	if err != nil {
		return err
	}
	for _, b := range e.edited() {
		if err := takeIn(b, s.open); err != nil {
			return err
		}
	}
	h := harEntry(e, s.open)
	if socket != nil {
		h.WebSocketMessages = messages(&s.frames, socket.frames, socket.open)
	}
	if closed != nil {
		c, err := ParseWSClose(closed)
		if err != nil {
			return err
		}
		h.WebSocketClose = &har.Close{Code: c.Code, Reason: c.Reason, Time: c.At}
		h.Time = millis(c.Duration)
	}
	if e.Type == TypeWSOpen && s.profile == har.ProfileHTTPOnly {
		return s.w.Write(h) // which leaves it out and counts it
	}
	before, err := s.takeKept()
	if err != nil {
		return err
	}
	h.Necto = appendNecto(nil, e, before, closed)
	return s.w.Write(h)
}

// edited returns the content on the origin's side, which has no place in a HAR but
// `_necto`.
func (e *Entry) edited() []*EntryBody {
	var bodies []*EntryBody
	if e.Sent != nil {
		bodies = append(bodies, e.Sent.Body)
	}
	if e.Received != nil {
		bodies = append(bodies, e.Received.Body)
	}
	return bodies
}

// takeIn puts content in a sidecar into the line; b may be nil.
func takeIn(b *EntryBody, open opener) error {
	if b == nil || b.File == "" {
		return nil
	}
	r, err := open(b)
	if err != nil {
		return err
	}
	b.Inline, err = io.ReadAll(r)
	b.File = ""
	return closeAfter(r, err)
}

// putBack is the inverse of takeIn.
func (f *fromHAR) putBack(b *EntryBody) error {
	if b == nil {
		return nil
	}
	content, err := f.bodies.store(bytes.NewReader(b.Inline), nil)
	b.Inline, b.File = bytes.Clone(content.bytes), content.file
	return err
}

// finish writes what has not ended, and ends the HAR.
func (s *harSink) finish() error {
	var err error
	for _, id := range slices.Sorted(maps.Keys(s.sockets)) {
		err = errors.Join(err, s.entry(s.sockets[id].line, s.sockets[id], nil))
	}
	for _, id := range slices.Sorted(maps.Keys(s.pending)) {
		err = errors.Join(err, s.entry(s.pending[id], nil, nil))
	}
	after, readErr := s.takeKept()
	if len(after) > 0 {
		s.w.SetNecto(append(appendRawList([]byte(`{"v":1`), nectoAfter, after), '}'))
	}
	return errors.Join(err, readErr, s.w.Close(), s.frames.close())
}

// inlineOnly opens content that is in a line.
func inlineOnly(b *EntryBody) (io.ReadCloser, error) {
	if b.File != "" {
		return nil, errors.New("the content lies beside a recording that is not at hand")
	}
	return io.NopCloser(bytes.NewReader(b.Inline)), nil
}
