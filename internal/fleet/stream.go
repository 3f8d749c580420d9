package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/record"
)

const (
	// readCount is how many entries are read at once: few enough that long lines
	// come in the time that Redis has for an answer.
	readCount = 128
	// readWait is how long one call waits for more: ctx does not end it before.
	readWait = 500 * time.Millisecond
)

// ErrNoStream is wrapped by errors of a stream that is not there, or has nothing.
var ErrNoStream = errors.New("the stream has no lines")

// Line is a line of a stream.
type Line struct {
	// Recorder is the id of who recorded it, and Seq its number there, from 1: no
	// two lines have both in common.
	Recorder string
	Seq      uint64
	// Raw is the line without its end.
	Raw []byte

	entry string // the id of its entry, "" for a line that is in no entry
}

// Stream reads what recorders have sent. Its methods may be called concurrently.
type Stream struct {
	client redis.UniversalClient
	target Target
}

// Open opens a stream in a Redis that has to answer now. tlsConfig is nil to trust
// what the system trusts. The error wraps ErrAccess if a password is missing or
// wrong.
func Open(ctx context.Context, t Target, tlsConfig *tls.Config) (*Stream, error) {
	client, err := connect(ctx, t, tlsConfig)
	if err != nil {
		return nil, err
	}
	if err := checkKey(ctx, client, t); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &Stream{client: client, target: t}, nil
}

// Close closes the connections.
func (s *Stream) Close() error { return s.client.Close() }

// last returns the id of the last entry, ErrNoStream if there is none.
func (s *Stream) last(ctx context.Context) (string, error) {
	entries, err := s.client.XRevRangeN(ctx, s.target.Stream, "+", "-", 1).Result()
	if err != nil {
		return "", explain(err)
	}
	if len(entries) == 0 {
		return "", fmt.Errorf("%w: %s", ErrNoStream, s.target)
	}
	return entries[0].ID, nil
}

// order is what there is to know of recorders to tell their lines apart.
type order struct {
	stream *Stream
	// seen has the last seq of each recorder.
	seen map[string]uint64
	// shared says that others get lines, too, which come in no order then.
	shared bool
}

// lines returns the lines of entries, without those that were there before. Lines
// of a recorder whose first ones are gone begin with its meta line all the same.
func (o *order) lines(ctx context.Context, entries []redis.XMessage) ([]Line, error) {
	lines := make([]Line, 0, len(entries))
	now := map[string]uint64{} // what is seen, unless there is an error: then all comes again
	for _, entry := range entries {
		l, ok := lineOf(entry)
		if !ok {
			continue
		}
		seen, known := now[l.Recorder]
		if !known {
			seen, known = o.seen[l.Recorder]
		}
		if l.Seq <= seen && !o.shared {
			continue
		}
		if !known && l.Seq > 1 {
			meta, err := o.stream.meta(ctx, l)
			if err != nil {
				return nil, err
			}
			lines = append(lines, meta)
		}
		now[l.Recorder] = l.Seq
		lines = append(lines, l)
	}
	maps.Copy(o.seen, now)
	return lines, nil
}

// lineOf returns the line of an entry, and false if that has none: other programs
// can write to a stream, too.
func lineOf(entry redis.XMessage) (Line, bool) {
	recorder, _ := entry.Values["recorder"].(string)
	text, _ := entry.Values["line"].(string)
	l := Line{Recorder: recorder, Raw: []byte(text), entry: entry.ID}
	if !isRecorder(recorder) || !jsondoc.Valid(l.Raw) {
		return Line{}, false
	}
	l.Seq = gjson.GetBytes(l.Raw, "seq").Uint()
	return l, l.Seq > 0 && strings.HasPrefix(text, "{")
}

// isRecorder reports whether an id can be that of a recorder, and the name of a
// file: letters and digits.
func isRecorder(id string) bool {
	for i := range len(id) {
		c, lower := id[i], id[i]|0x20
		if (c < '0' || c > '9') && (lower < 'a' || lower > 'z') {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// meta returns the meta line of a recorder, of which l is the first line there is.
// Where Redis has forgotten it, one is made of what l says.
func (s *Stream) meta(ctx context.Context, l Line) (Line, error) {
	text, err := s.client.HGet(ctx, s.target.stateKey(l.Recorder), "meta").Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Line{}, explain(err)
	}
	if !jsondoc.Valid(text) {
		at := gjson.GetBytes(l.Raw, "at").String()
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
			at = time.Unix(0, 0).UTC().Format(time.RFC3339Nano)
		}
		text = fmt.Appendf(nil, `{"type":%q,"seq":1,"format":"necto-recording","v":%d,"session":%q,"at":%q,"us":0,"tool":"necto"}`,
			record.TypeMeta, record.Version, l.Recorder, at)
	}
	return Line{Recorder: l.Recorder, Seq: 1, Raw: text}, nil
}
