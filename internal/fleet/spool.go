package fleet

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gofrs/flock"
)

var (
	// ErrSpoolFull is wrapped by the error of a Write that found no room: Redis has
	// been away, or slower than the traffic, for too long.
	ErrSpoolFull = errors.New("the spool is full")
	// ErrSpoolInUse is wrapped by the error of OpenSink for a session whose spool
	// another process has.
	ErrSpoolInUse = errors.New("another process has the spool")
)

const (
	// partSize is about how large a part of a spool is, in bytes with its bodies,
	// and partBodies how many bodies it has at most, about.
	partSize   = 8 << 20
	partBodies = 256
)

// The files of a spool beside its parts.
const (
	lockFile  = "lock"
	aboutFile = "about.json"
	metaFile  = "meta.jsonl"
)

// spool is the folder of one recorder: the lines that Redis has not got yet, in
// parts, each a file with a folder for its bodies. One goroutine writes, another
// reads.
type spool struct {
	dir      string
	recorder string
	about    about
	lock     *flock.Flock
	max      int64
	// left says that the process that wrote it is gone.
	left bool
	// wake is signalled when there is more to read, or the end.
	wake chan struct{}
	file *os.File // the last part's, while it is written; the writing goroutine's

	mu    sync.Mutex // guards what follows
	parts []*part    // the oldest first
	// next is the seq of the next line to be written.
	next  uint64
	ended bool
}

// about is what a spool says of itself.
type about struct {
	// Target is where its lines go, without the password.
	Target string `json:"target"`
	// Token tells Redis this recorder from another with the same id. It goes with
	// the lines, so that who sends the rest after a kill is the same recorder.
	Token string `json:"token"`
}

// createSpool makes a new spool for a recorder below dir.
func createSpool(dir, recorder string, t Target, limit int64) (*spool, error) {
	s := newSpool(dir, recorder, limit)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	s.about = about{Target: t.String(), Token: rand.Text()}
	text, err := json.Marshal(s.about)
	if err == nil {
		err = s.writeOnce(aboutFile, append(text, '\n'))
	}
	if err == nil {
		err = s.begin()
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.end(), s.release())
	}
	return s, nil
}

func newSpool(dir, recorder string, limit int64) *spool {
	return &spool{
		dir: filepath.Join(dir, recorder), recorder: recorder, max: limit, next: 1, wake: make(chan struct{}, 1),
		lock: flock.New(filepath.Join(dir, recorder, lockFile), flock.SetPermissions(0o600)),
	}
}

// acquire locks the spool, as long as the process lives.
func (s *spool) acquire() error {
	locked, err := s.lock.TryLock()
	if err == nil && !locked {
		err = fmt.Errorf("%w %s", ErrSpoolInUse, s.dir)
	}
	return err
}

// release lets another process have the spool.
func (s *spool) release() error { return s.lock.Close() }

// remove removes the spool, of which nothing is needed any more. What somebody
// else has put there stays, such as the lock of a process that looks for spools to
// send: without aboutFile, which goes first, it finds none.
func (s *spool) remove() error {
	err := unlessMissing(os.Remove(filepath.Join(s.dir, aboutFile)))
	err = errors.Join(err, unlessMissing(os.Remove(filepath.Join(s.dir, metaFile))), s.release())
	_ = os.Remove(filepath.Join(s.dir, lockFile)) // a system may keep what another has open
	_ = os.Remove(s.dir)
	return err
}

// unlessMissing returns err unless it says that a file is not there.
func unlessMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writeOnce writes a file that must not be there, to the disk itself.
func (s *spool) writeOnce(name string, content []byte) error {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s has lines that are not sent", ErrSpoolInUse, s.dir)
	}
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), syncDir(s.dir))
}

// begin begins the next part.
func (s *spool) begin() error {
	p := newPart(s.dir, s.next)
	f, err := os.OpenFile(p.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.file = f
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = append(s.parts, p)
	return err
}

// write adds whole lines. The file ends with a whole line also if that fails.
func (s *spool) write(lines []byte) error {
	p, first, err := s.room(int64(len(lines)))
	if err != nil {
		return err
	}
	if first {
		if err := s.writeOnce(metaFile, lines[:bytes.IndexByte(lines, '\n')+1]); err != nil {
			return err
		}
	}
	if _, err := s.file.Write(lines); err != nil {
		return errors.Join(err, s.file.Truncate(p.size))
	}
	bodies, files, err := p.countBodies(lines)
	if err != nil {
		return err
	}
	full := s.added(p, lines, bodies) || files >= partBodies
	signal(s.wake)
	if full {
		return s.begin()
	}
	return nil
}

// room returns the part that n more bytes go to, and whether they are the first.
func (s *spool) room(n int64) (p *part, first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := int64(0)
	for _, p := range s.parts {
		if !p.sent {
			waiting += p.size + p.bodies
		}
	}
	if waiting+n > s.max {
		return nil, false, fmt.Errorf("%w: %d bytes wait for redis in %s", ErrSpoolFull, waiting, s.dir)
	}
	return s.parts[len(s.parts)-1], s.next == 1, nil
}

// added notes what was written and reports whether the part is full.
func (s *spool) added(p *part, lines []byte, bodies int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	p.lines += n
	p.size += int64(len(lines))
	p.bodies = bodies
	s.next += n
	return p.size+p.bodies >= min(partSize, s.max/8)
}

// bodies returns the folder for the bodies of the next lines.
func (s *spool) bodies() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parts[len(s.parts)-1].folder()
}

// end says that nothing more will be written.
func (s *spool) end() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
		s.file = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	signal(s.wake)
	return err
}

// sent notes that Redis has all lines before a seq, and removes the parts that are
// not needed any more. The last one that was sent stays until the next one was,
// for a Redis that comes back without what it had last.
func (s *spool) sent(before uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	for i, p := range s.parts {
		p.sent = p.end() <= before && (s.ended || i < len(s.parts)-1)
		if p.sent {
			done = i
		}
	}
	// Some systems remove no file that is open.
	if i := slices.IndexFunc(s.parts[:done], func(p *part) bool { return p.syncing }); i >= 0 {
		done = i
	}
	var err error
	for _, p := range s.parts[:done] {
		err = errors.Join(err, p.remove())
	}
	s.parts = s.parts[done:]
	return err
}

// clear removes all parts.
func (s *spool) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, p := range s.parts {
		err = errors.Join(err, p.remove())
	}
	s.parts = nil
	return err
}

// bounds returns the first seq there is, and the one behind the last.
func (s *spool) bounds() (first, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parts) == 0 {
		return s.next, s.next
	}
	return s.parts[0].first, s.next
}

// find returns the part that has a line or, where that is missing, the one that has
// the next; nil if there is none yet. size is how many bytes of it are there to be
// read.
func (s *spool) find(seq uint64) (p *part, size int64, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		if seq < p.end() {
			return p, p.size, s.ended
		}
	}
	return nil, 0, s.ended
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
