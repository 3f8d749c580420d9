package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/har"
)

// IsHAR reports whether a regular file is a HAR, perhaps compressed or in an archive.
// Other archives and compressed files are taken for one, too; Open and OpenHAR say
// that they are not.
func IsHAR(file *os.File) bool {
	head := make([]byte, maxMeta)
	n, err := file.ReadAt(head, 0)
	return (err == nil || errors.Is(err, io.EOF)) && har.Sniff(head[:n])
}

// readHAR reads the HAR at path, which open opens, into a recording of its own, which
// goes with Close.
func readHAR(path string, open func() (*har.Reader, error)) (*File, error) {
	dir, err := os.MkdirTemp("", "necto-har-")
	if err != nil {
		return nil, err
	}
	f, err := importHAR(path, open, filepath.Join(dir, "run.jsonl"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, notRecording(err)), os.RemoveAll(dir))
	}
	f.path, f.private = path, dir
	return f, nil
}

// notRecording says of a file that is no HAR either that it is no recording.
func notRecording(err error) error {
	if errors.Is(err, har.ErrNotHAR) {
		return fmt.Errorf("%w: %w", ErrNotRecording, err)
	}
	return err
}

// importHAR writes the recording that a HAR stands for and opens it.
func importHAR(path string, open func() (*har.Reader, error), recording string) (*File, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(recording, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	bodies := bodyStore{inlineMax: defaultInlineMax, sidecar: sidecar{dir: bodiesDir(recording)}}
	var warnings []string
	w := bufio.NewWriterSize(out, flushSize)
	err = scanHAR(r, &bodies, func(text string) { warnings = append(warnings, text) }, func(line []byte) error {
		_, err := w.Write(line)
		return err
	})
	if err := errors.Join(err, r.Close(), w.Flush(), out.Close(), bodies.sidecar.close()); err != nil {
		return nil, err
	}
	f, err := Open(recording)
	if err != nil {
		return nil, err
	}
	for _, text := range warnings {
		f.warn(path + ": " + text)
	}
	return f, nil
}

// scanHAR calls emit with the lines that a HAR stands for, each with its end. What
// is wrong with the file is told to warn.
func scanHAR(r *har.Reader, bodies *bodyStore, warn func(string), emit func(line []byte) error) error {
	f := &fromHAR{bodies: bodies}
	s := &harScan{fromHAR: f, emit: emit, warn: warn}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read HAR: %w", err)
		}
		if err := s.entry(h, r); err != nil {
			return err
		}
	}
	for _, w := range r.Warnings() {
		warn(fmt.Sprintf("entry %d: %s", w.Entry, w.Text))
	}
	if err := s.begin(nil, r); err != nil {
		return err
	}
	return s.lines(nectoLines(r.Log().Necto, nectoAfter))
}

// harScan turns entries into lines.
type harScan struct {
	*fromHAR
	emit  func(line []byte) error
	warn  func(string)
	begun bool
	buf   []byte
}

// entry emits the lines of one entry.
func (s *harScan) entry(h *har.Entry, r *har.Reader) error {
	if err := s.begin(h, r); err != nil {
		return err
	}
	if err := s.lines(nectoLines(h.Necto, nectoBefore)); err != nil {
		return err
	}
	e, err := s.fromHAR.entry(h)
	if err != nil {
		return err
	}
	if h.Necto != nil {
		if err := overlay(e, h.Necto); err != nil {
			s.warn(err.Error())
		}
		for _, b := range e.edited() {
			if err := s.putBack(b); err != nil {
				return err
			}
		}
	}
	s.number(e)
	s.buf = AppendEntry(s.buf[:0], e)
	if err := s.emit(s.buf); err != nil || e.Type != TypeWSOpen {
		return err
	}
	return s.conversation(e, h)
}

// conversation emits the lines of a WebSocket connection.
func (s *harScan) conversation(e *Entry, h *har.Entry) error {
	n, counts := uint64(0), [2]uint64{}
	if h.WebSocketMessages != nil {
		for m, err := range h.WebSocketMessages {
			if err != nil {
				return err
			}
			n++
			f, err := s.frame(e, m, n)
			if err != nil {
				return err
			}
			counts[f.Dir]++
			s.buf = AppendFrame(s.buf[:0], f)
			if err := s.emit(s.buf); err != nil {
				return err
			}
		}
	}
	if line := closeLine(h.Necto); line != nil {
		if c, err := ParseWSClose(line); err == nil {
			c.ID = e.ID
			s.saw(c.Seq)
			return s.emit(AppendClose(s.buf[:0], c))
		}
	}
	if h.WebSocketClose == nil {
		return nil
	}
	return s.emit(AppendClose(s.buf[:0], s.closed(e, h.WebSocketClose, counts)))
}

// begin emits the first line, unless the HAR has it.
func (s *harScan) begin(h *har.Entry, r *har.Reader) error {
	if s.begun {
		return nil
	}
	s.begun = true
	first := nectoLines(r.Log().Necto, nectoAfter)
	at := time.Time{}
	if h != nil {
		first, at = nectoLines(h.Necto, nectoBefore), h.Started
	}
	if len(first) > 0 && gjson.GetBytes(first[0], "format").Str == format {
		return nil
	}
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	enc := encoder{start: at}
	creator := r.Log().Creator
	line := enc.appendMeta(nil, ulid.Make().String(), Options{
		Mode: "har", Redaction: "off", ToolVersion: creator.Name + " " + creator.Version,
	})
	s.seq = enc.seq
	return s.emit(line)
}

// lines emits lines as they are.
func (s *harScan) lines(lines [][]byte) error {
	for _, line := range lines {
		s.saw(gjson.GetBytes(line, "seq").Uint())
		if err := s.emit(append(bytes.Clone(line), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// number gives an entry that has no number, or a number that is taken, one.
func (f *fromHAR) number(e *Entry) {
	if e.Seq == 0 {
		e.Seq = f.nextSeq()
	}
	f.saw(e.Seq)
	if e.ID == 0 || !f.ids.add(e.ID) {
		e.ID = f.id + 1
		f.ids.add(e.ID)
	}
	f.id = max(f.id, e.ID)
}

func (f *fromHAR) nextSeq() uint64 {
	f.seq++
	return f.seq
}

func (f *fromHAR) saw(seq uint64) { f.seq = max(f.seq, seq) }

// idSet is the set of ids that are taken. They are dense, so it is a bit for each.
type idSet []uint64

// maxIDs bounds the set; of ids beyond nothing is known.
const maxIDs = 1 << 30

// add adds an id and reports whether it was not there.
func (s *idSet) add(id uint64) bool {
	if id >= maxIDs {
		return true
	}
	for uint64(len(*s)) <= id/64 {
		*s = append(*s, 0)
	}
	word, bit := &(*s)[id/64], uint64(1)<<(id%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
