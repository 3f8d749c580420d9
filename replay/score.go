package replay

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
)

// score has the lines of a recording in the order in which they are to be played.
// An exchange has its line where it ended and is to be told where it began, so
// beginnings are read ahead, and 32 bytes of each are kept. All other lines are
// in order: they are read a second time, one by one.
type score struct {
	file *record.File
	path string
	// growing is the file as it grows, nil if it is played as it is.
	growing *growing

	// Of what was read ahead:

	starts   []start   // that are not on stage, in order
	sessions []numbers // the lowest numbers of each

	session uint32      // that is played, counted from 1
	begun   bool        // something of it was played
	lines   *lineReader // that are played where they stand
}

// start says where an exchange or a tunnel begins.
type start struct {
	us      int64  // since its session began
	id      uint64 // 0 for a tunnel
	offset  int64  // of the line
	length  uint32
	session uint32
}

// part is what is to be played next.
type part uint8

const (
	partNone  part = iota // nothing more of this session
	partAct               // the next event of what is on stage
	partStart             // the next beginning
	partLine              // the next line
)

// play tells a stage all that is in the recording.
func (l *score) play(ctx context.Context, s *stage, t *tempo) error {
	if err := l.open(s); err != nil {
		return err
	}
	defer func() { l.lines.stop() }()
	for {
		at, next := l.choose(s)
		if next == partNone {
			if more, err := l.turn(ctx, s, t); !more || err != nil {
				return err
			}
			continue
		}
		if !l.begun {
			l.begun = true
			s.beginSession(l.sessions[l.session-1])
		}
		ready, err := l.await(ctx, t.due(at))
		if err == nil && ready {
			err = l.perform(s, next)
		}
		if err != nil {
			return err
		}
	}
}

// open reads ahead what there is.
func (l *score) open(s *stage) error {
	if l.growing != nil {
		l.lines = noLines
		_, err := l.extend()
		return err
	}
	err := l.readAhead(l.file.Scan, sizeOfFile(l.path))
	l.lines = newLineReader(l.file.Scan)
	for _, warning := range l.file.Warnings() {
		s.log.Warn("recording is damaged", "warning", warning)
	}
	return err
}

// choose returns what is to be played next in the session, and when. Of what is
// due at once, what is on stage goes first.
func (l *score) choose(s *stage) (time.Duration, part) {
	at, ok := s.next()
	next := partAct
	if !ok {
		at, next = math.MaxInt64, partNone
	}
	if len(l.starts) > 0 && l.starts[0].session == l.session {
		if begins := micros(l.starts[0].us); begins < at {
			at, next = begins, partStart
		}
	}
	if l.lines.more && l.lines.head.Type != record.TypeMeta && l.lines.at < at {
		at, next = l.lines.at, partLine
	}
	return at, next
}

// perform tells what choose returned. A line that makes no sense is left out.
func (l *score) perform(s *stage, next part) error {
	var err error
	offset := int64(0)
	switch next {
	case partAct:
		s.tellNext()
		return nil
	case partStart:
		first := l.starts[0]
		l.starts = l.starts[1:]
		raw, readErr := l.file.ReadLine(first.offset, int(first.length))
		if readErr != nil {
			return readErr
		}
		offset, err = first.offset, s.begin(raw)
	default:
		offset, err = l.lines.head.Offset, s.line(l.lines.head.Type, l.lines.head.Raw)
		l.lines.advance()
	}
	if err != nil {
		s.log.Warn("line cannot be played", "offset", offset, "err", err)
	}
	return l.lines.err
}

// turn goes on where nothing is left of a session: with the next one, or with
// what is added to the file. It returns false at the end.
func (l *score) turn(ctx context.Context, s *stage, t *tempo) (bool, error) {
	if l.lines.more { // at a meta line
		s.endSession()
		t.began = time.Time{}
		l.session++
		l.begun = false
		l.lines.advance()
		return true, l.lines.err
	}
	if l.growing == nil {
		return false, nil
	}
	_, err := l.await(ctx, time.Now().Add(pollInterval))
	return true, err
}

// await waits until something is due. It returns false if there may be something
// that is due before, because the recording has grown.
func (l *score) await(ctx context.Context, due time.Time) (bool, error) {
	for {
		if err := ctx.Err(); err != nil || l.growing == nil || l.lines.more {
			return true, errors.Join(err, waitUntil(ctx, due))
		}
		if grown, err := l.extend(); grown || err != nil {
			return false, err
		}
		wake := time.Now().Add(pollInterval)
		if !due.After(wake) {
			return true, waitUntil(ctx, due)
		}
		if err := waitUntil(ctx, wake); err != nil {
			return false, err
		}
	}
}

// extend reads ahead what was added to the recording since the lines before it
// have all been played. It returns false if there is nothing new.
func (l *score) extend() (bool, error) {
	added, err := l.growing.more()
	if added == nil || err != nil {
		return false, err
	}
	if err := l.readAhead(added, 0); err != nil {
		return false, err
	}
	l.lines.stop()
	l.lines = newLineReader(added)
	return true, l.lines.err
}

// readAhead adds the beginnings in some lines, of a file of that size in bytes.
func (l *score) readAhead(scan scanFunc, size int64) error {
	known := len(l.starts)
	err := scan(func(line record.Line) error {
		if line.Type == record.TypeMeta {
			l.sessions = append(l.sessions, numbers{math.MaxUint64, math.MaxUint64})
			return nil
		}
		if len(l.sessions) == 0 {
			return nil // what is before the first meta line belongs to nothing
		}
		if hasConn(line.Type) {
			low := &l.sessions[len(l.sessions)-1]
			low.exchange = lowest(low.exchange, line.ID)
			low.conn = lowest(low.conn, gjson.GetBytes(line.Raw, "conn").Uint())
		}
		if isBeginning(line.Type) && uint64(line.Length) <= math.MaxUint32 {
			l.starts = append(l.starts, start{
				timeOf(line.Raw), line.ID, line.Offset, uint32(line.Length), uint32(len(l.sessions)),
			})
			l.starts = reserve(l.starts, len(l.starts)-known, line.Offset, size)
		}
		return nil
	})
	added := l.starts[known:]
	added = added[:len(dropReplaced(added))]
	l.starts = l.starts[:known+len(added)]
	slices.SortFunc(l.starts, func(a, b start) int {
		return cmp.Or(cmp.Compare(a.session, b.session), cmp.Compare(a.us, b.us), cmp.Compare(a.offset, b.offset))
	})
	return err
}

// isBeginning reports whether lines of a type are played where what they tell of
// began.
func isBeginning(lineType string) bool {
	switch lineType {
	case record.TypeHTTP, record.TypePending, record.TypeWSOpen, record.TypeTunnel:
		return true
	}
	return false
}

// hasConn reports whether lines of a type have the number of a connection.
func hasConn(lineType string) bool { return isBeginning(lineType) || lineType == record.TypeTLS }

// lowest returns the lower of two numbers that begin with 1.
func lowest(a, b uint64) uint64 {
	if b == 0 {
		return a
	}
	return min(a, b)
}

// dropReplaced returns, in its array, the starts without those whose line was
// replaced by a later one.
func dropReplaced(starts []start) []start {
	slices.SortFunc(starts, func(a, b start) int {
		return cmp.Or(cmp.Compare(a.session, b.session), cmp.Compare(a.id, b.id), cmp.Compare(a.offset, b.offset))
	})
	kept := starts[:0]
	for i, s := range starts {
		replaced := i+1 < len(starts) && s.id != 0 && starts[i+1].id == s.id && starts[i+1].session == s.session
		if !replaced {
			kept = append(kept, s)
		}
	}
	return kept
}

// timeOf reads the member us of a line, which stands near its beginning.
func timeOf(raw []byte) int64 { return gjson.GetBytes(raw, "us").Int() }

func micros(us int64) time.Duration {
	const longest = math.MaxInt64 / int64(time.Microsecond)
	return time.Duration(min(max(0, us), longest)) * time.Microsecond
}

// scanFunc calls a function for each of some lines, as record.File.Scan does.
type scanFunc func(func(record.Line) error) error

// lineReader reads the lines that are played where they stand, one at a time.
type lineReader struct {
	pull func() (record.Line, bool)
	stop func()
	// more says that there is a line: head, which is due at.
	more bool
	head record.Line
	at   time.Duration
	err  error
}

// noLines has no line.
var noLines = &lineReader{stop: func() {}}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// newLineReader reads the first line.
func newLineReader(scan scanFunc) *lineReader {
	r := &lineReader{}
	r.pull, r.stop = iter.Pull(func(yield func(record.Line) bool) {
		err := scan(func(line record.Line) error {
			if isPlayedInPlace(line.Type) && !yield(line) {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			r.err = err
		}
	})
	r.advance()
	return r
}

// isPlayedInPlace reports whether lines of a type are played where they stand.
// Where a ws.open line stands its beginning must have been played, whatever the
// times behind it say.
func isPlayedInPlace(lineType string) bool {
	switch lineType {
	case record.TypeMeta, record.TypeWSOpen, record.TypeWSFrame, record.TypeWSClose, record.TypeTLS:
		return true
	}
	return false
}

// advance goes to the next line.
func (r *lineReader) advance() {
	r.head, r.more = r.pull()
	if r.more {
		r.at = micros(timeOf(r.head.Raw))
	}
}
