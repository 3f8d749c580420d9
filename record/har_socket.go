package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

// spool keeps the lines of frames until their connection has ended, in a file
// without a name, so that conversations of any length fit into memory.
type spool struct {
	file *os.File
	w    *bufio.Writer
	size int64
	// named says that the file has a name still: not all systems unlink open files.
	named bool
}

// extent is a line in a spool.
type extent struct {
	offset int64
	length int
}

// add keeps a line.
func (s *spool) add(line []byte) (extent, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "necto-frames-")
		if err != nil {
			return extent{}, err
		}
		s.file, s.w = f, bufio.NewWriterSize(f, 64<<10)
		s.named = os.Remove(f.Name()) != nil
	}
	at := extent{s.size, len(line)}
	_, err := s.w.Write(line)
	s.size += int64(len(line))
	return at, err
}

// get returns a line.
func (s *spool) get(at extent) ([]byte, error) {
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	line := make([]byte, at.length)
	_, err := s.file.ReadAt(line, at.offset)
	return line, err
}

// reset forgets all lines.
func (s *spool) reset() error {
	if s.file == nil || s.size == 0 {
		return nil
	}
	s.size = 0
	s.w.Reset(s.file)
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// messages returns frames as HAR has them: one message a frame, as Chrome does it.
func messages(s *spool, frames []extent, open opener) iter.Seq2[*har.Message, error] {
	return func(yield func(*har.Message, error) bool) {
		for _, at := range frames {
			line, err := s.get(at)
			if err != nil {
				yield(nil, err)
				return
			}
			f, err := ParseFrame(line)
			if err != nil {
				yield(nil, err)
				return
			}
			if err := takeIn(f.Original, open); err != nil {
				yield(nil, err)
				return
			}
			if !yield(harMessage(f, open), nil) {
				return
			}
		}
	}
}

// harMessage returns a frame as a message.
func harMessage(f *FrameEntry, open opener) *har.Message {
	m := &har.Message{
		Time: f.At, Dir: f.Dir, Opcode: f.Opcode, Body: harBody(&f.Body, open), Truncated: f.Body.Truncated,
	}
	facts := *f
	facts.Body.Inline, facts.Body.File = nil, ""
	m.Necto = json.RawMessage(strings.TrimSuffix(string(AppendFrame(nil, &facts)), "\n"))
	return m
}

// frame returns a message as the n-th frame of a connection, a whole message if
// another tool says so.
func (f *fromHAR) frame(e *Entry, m *har.Message, n uint64) (*FrameEntry, error) {
	content, err := f.body(&m.Body, nil, -1, -1, m.Truncated)
	if err != nil {
		return nil, err
	}
	own := &FrameEntry{
		ID: e.ID, N: n, At: m.Time.UTC(), Dir: m.Dir, Opcode: m.Opcode, Fin: true, Masked: masked(m.Dir),
		Length: content.Size, Body: *content,
	}
	own.Offset = max(0, own.At.Sub(f.start))
	if m.Necto == nil {
		own.Seq = f.nextSeq()
		return own, nil
	}
	facts, err := ParseFrame(m.Necto)
	if err != nil {
		return nil, err
	}
	facts.ID = e.ID
	facts.Body.Inline, facts.Body.File = content.Inline, content.File
	f.saw(facts.Seq)
	return facts, f.putBack(facts.Original)
}

// closed returns the end of a connection of which HAR says no more than c.
func (f *fromHAR) closed(e *Entry, c *har.Close, frames [2]uint64) *CloseEntry {
	end := &CloseEntry{Seq: f.nextSeq(), ID: e.ID, At: c.Time.UTC()}
	if c.Time.IsZero() {
		end.At = e.At
	}
	end.Offset = max(0, end.At.Sub(f.start))
	end.WSClose = traffic.WSClose{
		Code: c.Code, Reason: c.Reason, By: traffic.SideUpstream, Frames: frames, Duration: max(0, end.At.Sub(e.At)),
	}
	if c.Code == 1006 {
		end.Cause = "eof"
	}
	return end
}

// closeLine returns the line of the end of a connection that `_necto` has, nil for
// none.
func closeLine(necto json.RawMessage) []byte {
	if found := gjson.GetBytes(necto, nectoClose); found.IsObject() {
		return []byte(found.Raw)
	}
	return nil
}
