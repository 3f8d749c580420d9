package record

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/necto-dev/necto/har"
)

// harSink writes the lines of a recording as a HAR.
type harSink struct {
	w       *har.Writer
	profile har.Profile
	open    opener
	// before are lines that have no form in HAR, on their way into the next entry.
	before  [][]byte
	pending map[uint64][]byte
	sockets map[uint64]*harSocket
	frames  spool
}

// harSocket is a WebSocket connection that has not ended.
type harSocket struct {
	line   []byte
	frames []extent
	open   opener
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
		s.supersede(head.id)
		return s.entry(raw, nil, nil)
	case TypePending:
		s.pending[head.id] = bytes.Clone(raw)
	case TypeWSOpen:
		s.supersede(head.id)
		s.sockets[head.id] = &harSocket{line: bytes.Clone(raw), open: s.open}
	case TypeWSFrame:
		socket := s.sockets[head.id]
		if socket == nil { // of a connection that nobody knows
			s.keep(raw)
			return nil
		}
		at, err := s.frames.add(raw)
		socket.frames = append(socket.frames, at)
		return err
	case TypeWSClose:
		return s.ended(head.id, raw)
	default:
		s.keep(raw)
	}
	return nil
}

// keep keeps a line for `_necto`.
func (s *harSink) keep(raw []byte) { s.before = append(s.before, bytes.Clone(raw)) }

// supersede keeps the line that an exchange had while it went on.
func (s *harSink) supersede(id uint64) {
	if old, ok := s.pending[id]; ok {
		s.before = append(s.before, old)
		delete(s.pending, id)
	}
}

// ended writes a WebSocket connection, whose last line is closed.
func (s *harSink) ended(id uint64, closed []byte) error {
	socket := s.sockets[id]
	if socket == nil {
		s.keep(closed)
		return nil
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
	h.Necto = appendNecto(nil, e, s.before, closed)
	s.before = nil
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
	if len(s.before) > 0 {
		s.w.SetNecto(append(appendRawList([]byte(`{"v":1`), nectoAfter, s.before), '}'))
	}
	return errors.Join(err, s.w.Close(), s.frames.close())
}

// harOutput takes the lines of a Writer, all of whose content is inline.
type harOutput struct{ sink *harSink }

// Write takes whole lines.
func (o harOutput) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		if err := o.sink.line(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
}

// harName ends the name of a HAR.
const harName = ".har"

// becomeHAR makes a HAR of what is written to f, which is new.
func (o *output) becomeHAR(f *os.File, opts Options) error {
	if o.file == nil {
		return errors.New("a HAR is written to a regular file")
	}
	if opts.Append {
		return errors.New("a HAR cannot be continued: append to a .jsonl file")
	}
	w, err := har.NewFileWriter(f, har.Options{Version: opts.ToolVersion, Profile: opts.HARProfile})
	if err != nil {
		return err
	}
	sink := newHARSink(w, opts.HARProfile, inlineOnly)
	o.w, o.file, o.close = harOutput{sink}, nil, sink.finish
	return nil
}

// inlineOnly opens content that is in a line.
func inlineOnly(b *EntryBody) (io.ReadCloser, error) {
	if b.File != "" {
		return nil, errors.New("the content lies beside a recording that is not at hand")
	}
	return io.NopCloser(bytes.NewReader(b.Inline)), nil
}
