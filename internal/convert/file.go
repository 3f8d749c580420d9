package convert

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// bufferSize is how many bytes of lines are written at once.
const bufferSize = 256 << 10

// inlineMax is how long content is that stays in its line, as in recordings.
const inlineMax = 64 << 10

// file is a recording being written under another name than it will have.
type file struct {
	options *Options
	path    string // the final name
	temp    string
	f       *os.File
	w       *bufio.Writer
	buf     []byte
	seq     uint64
	marks   marks
	bodies  map[string]bool // sidecars that were written
	// replaces says that there is a file at path, whose content must not be lost.
	replaces bool

	exchanges, sockets, frames uint64
	// last is the beginning of the last line of an exchange.
	last []byte
}

// headLength is more than what a line has up to its time.
const headLength = 256

// newFile begins a recording that is to be at path.
func newFile(o *Options, path string) (*file, error) {
	temp := tempName(path) + ".jsonl"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	_, missing := os.Lstat(path)
	return &file{
		options: o, path: path, temp: temp, f: f, w: bufio.NewWriterSize(f, bufferSize), marks: marks{},
		bodies: map[string]bool{}, replaces: missing == nil,
	}, nil
}

// tempName begins the name that a file has while it is written.
func tempName(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".new-" + rand.Text()[:8]
}

// write writes a line of an input.
func (f *file) write(input *record.File, l *line) error {
	f.seq++
	if err := f.encode(input, l); err != nil {
		return err
	}
	f.count(l)
	line := f.buf
	if f.options.Normalize {
		line = f.marks.normal(line)
	}
	_, err := f.w.Write(line)
	return err
}

// encode makes the line that is written.
func (f *file) encode(input *record.File, l *line) error {
	f.buf = f.buf[:0]
	switch {
	case l.same != nil:
		f.buf = l.same.AppendRenumbered(f.buf, f.seq, l.id, l.conn)
	case l.entry != nil:
		return f.entry(input, l.entry)
	case l.frame != nil:
		l.frame.Seq = f.seq
		if err := f.frameBodies(l.frame); err != nil {
			return err
		}
		f.buf = record.AppendFrame(f.buf, l.frame)
	case l.close != nil:
		l.close.Seq = f.seq
		f.buf = record.AppendClose(f.buf, l.close)
	default:
		f.buf = append(append(f.buf, set(l.raw, "seq", f.seq)...), '\n')
	}
	return nil
}

// count notes what the last line says at the end.
func (f *file) count(l *line) {
	switch l.lineType {
	case record.TypeHTTP:
		f.exchanges++
	case record.TypeWSOpen:
		f.sockets++
	case record.TypeWSFrame:
		f.frames++
	}
	if isTraffic(l.lineType) {
		f.last = append(f.last[:0], f.buf[:min(len(f.buf), headLength)]...)
	}
}

func (f *file) entry(input *record.File, e *record.Entry) error {
	e.Seq = f.seq
	if err := f.body(input, e.Request.Body, e.Request.Header); err != nil {
		return err
	}
	if e.Response != nil {
		if err := f.body(input, e.Response.Body, e.Response.Header); err != nil {
			return err
		}
	}
	f.buf = record.AppendEntry(f.buf, e)
	return nil
}

// body moves content from the folder of the input to where it belongs.
func (f *file) body(input *record.File, b *record.EntryBody, header traffic.Fields) error {
	if b == nil || b.File == "" && (f.options.Inline || len(b.Inline) <= inlineMax) {
		return nil
	}
	if b.File != "" && f.options.Redactor == nil && f.bodies[b.File] && !f.options.Inline {
		return nil // it was copied before
	}
	r, err := input.OpenBody(b)
	if err != nil {
		return err
	}
	defer r.Close()
	var content io.Reader = r
	if f.options.Redactor != nil && b.File != "" {
		content = f.options.Redactor.Content(r, header)
	}
	if f.options.Inline {
		b.Inline, err = io.ReadAll(content)
		b.File = ""
		if !b.Truncated {
			b.Size = int64(len(b.Inline))
		}
		return err
	}
	return f.sidecar(b, content)
}

// frameBodies moves long content of a frame out of its line.
func (f *file) frameBodies(frame *record.FrameEntry) error {
	for _, b := range [...]*record.EntryBody{&frame.Body, frame.Original} {
		if b == nil || f.options.Inline || len(b.Inline) <= inlineMax {
			continue
		}
		if err := f.sidecar(b, strings.NewReader(string(b.Inline))); err != nil {
			return err
		}
	}
	return nil
}

// sidecar writes content beside the recording, in a file named for its hash.
func (f *file) sidecar(b *record.EntryBody, content io.Reader) (err error) {
	dir := record.BodiesDir(f.temp)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp := filepath.Join(dir, ".new")
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(out, hash), content)
	if err == nil && f.replaces {
		err = out.Sync() // before the old content goes
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	name := hex.EncodeToString(hash.Sum(nil))
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		return err
	}
	f.bodies[name] = true
	b.File, b.Inline = name, nil
	if !b.Truncated {
		b.Size = size
	}
	return nil
}

// finish writes the line that ends a recording, and the file to the disk.
func (f *file) finish() error {
	f.seq++
	moment := gjson.GetManyBytes(f.last, "at", "us")
	at, err := time.Parse(time.RFC3339Nano, moment[0].Str)
	if err != nil { // there is none
		at = normalTime
	}
	_, err = fmt.Fprintf(f.w, `{"type":"end","seq":%d,"at":%q,"us":%d,"exchanges":%d,"websockets":%d,"frames":%d,"dropped":0}`+"\n",
		f.seq, at.UTC().Format("2006-01-02T15:04:05.000000Z"), moment[1].Uint(), f.exchanges, f.sockets, f.frames)
	err = errors.Join(err, f.w.Flush())
	if err == nil {
		err = f.f.Sync()
	}
	err = errors.Join(err, f.f.Close())
	f.f = nil
	return err
}

// discard removes what has not got its name.
func (f *file) discard() error {
	var err error
	if f.f != nil {
		err = f.f.Close()
	}
	if removed := os.Remove(f.temp); !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return errors.Join(err, os.RemoveAll(record.BodiesDir(f.temp)))
}
