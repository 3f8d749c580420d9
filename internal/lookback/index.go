package lookback

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
)

// place is where the line of an exchange is.
type place struct {
	id     uint64 // in this run
	offset int64
	length uint32
}

// index says where exchanges are in a file.
type index struct {
	// session is the one whose exchanges are found, "" for all.
	session string
	// scanned is how far the file was read, in bytes.
	scanned int64
	// places are those of http and ws.open lines by number, ends those of ws.close
	// lines.
	places []place
	ends   map[uint64]place

	// Of the session that is being scanned:

	// wanted says that its exchanges are found.
	wanted bool
	// top is the highest number before it: of exchanges in the file if session is
	// not "", else of those that were told.
	top uint64
	// highest is the highest number so far, of the same.
	highest uint64
	// shifted says that top is added to its numbers.
	shifted bool
}

func newIndex(session string) index { return index{session: session, ends: map[uint64]place{}} }

// find returns where in places a number is, or would be.
func (x *index) find(id uint64) (i int, there bool) {
	return slices.BinarySearchFunc(x.places, id, func(p place, id uint64) int { return cmp.Compare(p.id, id) })
}

// scan reads what was added to the file.
func (x *index) scan(file *os.File) error {
	before := len(x.places)
	end, err := scanLines(file, x.scanned, math.MaxInt64, x.line)
	x.scanned = end
	if len(x.places) != before {
		x.sort()
	}
	return err
}

// sort sorts places. Of several lines of an exchange the last counts.
func (x *index) sort() {
	slices.SortStableFunc(x.places, func(a, b place) int { return cmp.Compare(a.id, b.id) })
	kept := x.places[:0]
	for i, p := range x.places {
		if i+1 == len(x.places) || x.places[i+1].id != p.id {
			kept = append(kept, p)
		}
	}
	x.places = kept
}

// line takes a line. One that cannot be read is left out.
func (x *index) line(offset int64, raw []byte) error {
	line, err := record.ParseLine(raw)
	if err != nil || len(raw) > math.MaxUint32 {
		return nil //nolint:nilerr // see above
	}
	at := place{offset: offset, length: uint32(len(raw))} //nolint:gosec // checked above
	switch line.Type {
	case record.TypeMeta:
		x.beginSession(gjson.GetBytes(raw, "session").Str)
	case record.TypeHTTP, record.TypeWSOpen, record.TypePending:
		at.id = x.number(line.ID)
		if x.wanted && line.Type != record.TypePending {
			x.places = append(x.places, at)
		}
	case record.TypeWSClose:
		if at.id = x.number(line.ID); x.wanted {
			x.ends[at.id] = at
		}
	}
	return nil
}

// beginSession begins a session of the recording.
func (x *index) beginSession(id string) {
	x.wanted = x.session == "" || x.session == id
	x.top, x.shifted = x.highest, false
}

// number returns the number in this run of an exchange of the file. One that was
// appended to has counted on; a replay.Player keeps numbers unless it has told the
// same before, and else counts on for the whole session.
func (x *index) number(id uint64) uint64 {
	if x.session != "" {
		x.highest = max(x.highest, id)
		return id - min(id, x.top)
	}
	if !x.shifted && id <= x.top {
		x.shifted = true
		x.shift()
	}
	if x.shifted {
		id += x.top
	}
	x.highest = max(x.highest, id)
	return id
}

// shift adds top to the numbers of the session so far, which are those above it.
func (x *index) shift() {
	for i := range x.places {
		p := &x.places[i]
		if p.id <= x.top {
			continue
		}
		p.id += x.top
		x.highest = max(x.highest, p.id)
	}
	ends := make(map[uint64]place, len(x.ends)) // another one: what is new may be what was
	for id, end := range x.ends {
		if id > x.top {
			end.id += x.top
		}
		ends[end.id] = end
	}
	x.ends = ends
}

// scanBuffer is how much of a file is read at once, in bytes, unless a line is
// longer.
const scanBuffer = 256 << 10

// scanLines calls fn for each whole line between two offsets, without its end, which
// is valid during the call. It returns how far it has come, which is behind a line.
func scanLines(file io.ReaderAt, from, to int64, fn func(offset int64, raw []byte) error) (int64, error) {
	buf := make([]byte, scanBuffer)
	held := 0 // buf begins with so many bytes from the offset from on
	for {
		n, err := file.ReadAt(buf[held:min(int64(len(buf)), max(to-from, int64(held)))], from+int64(held))
		rest := buf[:held+n]
		for end := bytes.IndexByte(rest, '\n'); end >= 0; end = bytes.IndexByte(rest, '\n') {
			if err := fn(from, rest[:end]); err != nil {
				return from, err
			}
			rest = rest[end+1:]
			from += int64(end) + 1
		}
		switch {
		case err != nil && err != io.EOF:
			return from, fmt.Errorf("read recording: %w", err)
		case n == 0:
			return from, nil
		}
		if held = copy(buf, rest); held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}
