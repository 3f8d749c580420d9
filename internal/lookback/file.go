package lookback

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// File is a recording that is looked back on. Create it with Open. Its methods may be
// called concurrently.
type File struct {
	path string

	mu sync.Mutex // guards the fields below
	// lines is the file as it is scanned, and recording what lines and bodies are read
	// from; nil while the file is not there.
	lines     *os.File
	recording *record.File
	closed    bool
	index     index
}

// Open returns the recording at path, which need not be there yet. session is that
// of the run which writes it: only its exchanges are found, with the numbers they
// have in the run. "" is for a recording that a replay.Player plays once: all
// exchanges are found, with the numbers that it tells.
func Open(path, session string) *File {
	return &File{path: path, index: newIndex(session)}
}

// Close closes the file. Bodies of exchanges cannot be opened any more.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.lines == nil {
		return nil
	}
	return errors.Join(f.lines.Close(), f.recording.Close())
}

// update reads what was added to the file. It returns fs.ErrNotExist if the file is
// not there, or not begun.
func (f *File) update() error {
	if f.closed {
		return fs.ErrClosed
	}
	if f.lines == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	return f.index.scan(f.lines)
}

func (f *File) open() error {
	lines, err := os.Open(f.path)
	if err != nil {
		return err
	}
	recording, err := record.Open(f.path)
	if err != nil {
		return errors.Join(err, lines.Close())
	}
	f.lines, f.recording = lines, recording
	return nil
}

// Below returns the highest number of an exchange below id, false if there is none.
// An exchange is found once it has ended, or opened a WebSocket connection.
func (f *File) Below(id traffic.ExchangeID) (traffic.ExchangeID, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.update(); err != nil {
		return 0, false, f.wrap(err)
	}
	i, _ := f.index.find(uint64(id))
	if i == 0 {
		return 0, false, nil
	}
	return traffic.ExchangeID(f.index.places[i-1].id), true, nil
}

// wrap says where an error is from. That the file is not there yet is none.
func (f *File) wrap(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("look back on %s: %w", f.path, err)
}

// Exchange returns an exchange as it was when its last event was told, nil if it is
// not found; the caller releases its bodies. If it has opened a WebSocket
// connection, closed is the end of that, nil before.
func (f *File) Exchange(id traffic.ExchangeID) (x *traffic.Exchange, closed *traffic.WSClosed, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.update(); err != nil {
		return nil, nil, f.wrap(err)
	}
	i, there := f.index.find(uint64(id))
	if !there {
		return nil, nil, nil
	}
	if x, err = f.exchange(f.index.places[i]); err != nil {
		return nil, nil, f.wrap(err)
	}
	end, ended := f.index.ends[uint64(id)]
	if !ended {
		return x, nil, nil
	}
	raw, err := f.recording.ReadLine(end.offset, int(end.length))
	if err != nil {
		return nil, nil, f.wrap(err)
	}
	c, err := record.ParseWSClose(raw)
	if err != nil {
		return nil, nil, f.wrap(err)
	}
	return x, &traffic.WSClosed{Exchange: x, Close: &c.WSClose}, nil
}

// exchange reads the exchange at a place.
func (f *File) exchange(at place) (*traffic.Exchange, error) {
	raw, err := f.recording.ReadLine(at.offset, int(at.length))
	if err != nil {
		return nil, err
	}
	entry, err := record.ParseEntry(raw)
	if err != nil {
		return nil, err
	}
	x := entry.Exchange(f.recording)
	x.ID = traffic.ExchangeID(at.id)
	return x, nil
}

// Frames calls fn for the frames of the connection that x has opened, from the one
// behind the number after on, until it returns false. The frames belong to the
// callee. x is what Exchange has returned, or has its number.
func (f *File) Frames(x *traffic.Exchange, after uint64, fn func(*traffic.Frame) bool) error {
	f.mu.Lock()
	err := f.update()
	i, there := f.index.find(uint64(x.ID))
	if err != nil || !there {
		f.mu.Unlock()
		return f.wrap(err)
	}
	from, to := f.index.places[i].offset, f.index.scanned
	if end, ended := f.index.ends[uint64(x.ID)]; ended {
		to = end.offset
	}
	s := frameScan{recording: f.recording, x: x, after: after, fn: fn}
	lines := f.lines
	f.mu.Unlock()
	if _, err = scanLines(lines, from, to, s.line); errors.Is(err, errEnough) {
		return nil
	}
	return f.wrap(err)
}

// frameScan looks for the frames of a connection among lines that begin with the one
// of its handshake.
type frameScan struct {
	recording *record.File
	x         *traffic.Exchange
	after     uint64
	fn        func(*traffic.Frame) bool
	// id is the connection's number in the file.
	id uint64
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// line takes a line. One that cannot be read is left out.
func (s *frameScan) line(_ int64, raw []byte) error {
	line, err := record.ParseLine(raw)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	if s.id == 0 {
		s.id = line.ID
	}
	if line.Type != record.TypeWSFrame || line.ID != s.id {
		return nil
	}
	e, err := record.ParseFrame(raw)
	if err != nil || e.N <= s.after {
		return nil //nolint:nilerr // see above
	}
	frame, err := s.recording.ReadFrame(e, s.x)
	if err != nil {
		return err
	}
	if !s.fn(frame) {
		return errEnough
	}
	return nil
}
