package har

import (
	"errors"
	"io"
	"os"
)

// output is where a HAR goes.
type output interface {
	// write writes a piece of an entry that is not complete.
	write(piece []byte) error
	// commit writes the rest of an entry, p[:head], and the tail behind it.
	commit(p []byte, head int) error
	// undo takes back the pieces of an entry and writes the tail.
	undo(tail []byte) error
	close() error
}

// inPlace is a file that ends with the tail after every entry.
type inPlace struct {
	file *os.File
	// end is where the committed entries end and the tail begins, next where
	// the next piece goes, size the size of the file.
	end, next, size int64
}

func (f *inPlace) write(piece []byte) error {
	n, err := f.file.WriteAt(piece, f.next)
	f.next += int64(n)
	f.size = max(f.size, f.next)
	return err
}

func (f *inPlace) commit(p []byte, head int) error {
	end := f.next + int64(head)
	if err := f.write(p); err != nil {
		return err
	}
	if f.next < f.size { // the tail was longer
		if err := f.file.Truncate(f.next); err != nil {
			return err
		}
		f.size = f.next
	}
	f.end, f.next = end, end
	return nil
}

func (f *inPlace) undo(tail []byte) error {
	f.next = f.end
	return f.commit(tail, 0)
}

func (f *inPlace) close() error { return errors.Join(f.file.Sync(), f.file.Close()) }

// stream is written once, from the beginning to the end.
type stream struct {
	out    io.Writer
	closer io.Closer // nil if out is not closed
	tail   []byte    // of the last commit
	torn   bool      // a piece of an entry has been written
}

var errTorn = errors.New("a part of the entry is written already")

func (s *stream) write(piece []byte) error {
	s.torn = true
	_, err := s.out.Write(piece)
	return err
}

func (s *stream) commit(p []byte, head int) error {
	s.tail = append(s.tail[:0], p[head:]...)
	if err := s.write(p[:head]); err != nil {
		return err
	}
	s.torn = false
	return nil
}

func (s *stream) undo([]byte) error {
	if s.torn {
		return errTorn
	}
	return nil
}

func (s *stream) close() error {
	var err error
	if !s.torn {
		_, err = s.out.Write(s.tail)
	}
	if s.closer != nil {
		err = errors.Join(err, s.closer.Close())
	}
	return err
}
