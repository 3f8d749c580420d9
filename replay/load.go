package replay

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// state is what a line can be used for.
type state uint8

const (
	answered  state = iota
	unmatched       // nothing can match it, but a miss can point at it
	failed          // there is no complete answer
	pending         // the exchange had not ended
	upgraded        // it became a WebSocket connection
	left            // the filter leaves it out
)

// loader fills an index.
type loader struct {
	*Index
	rows     []row
	sessions uint32
	known    map[origin]key      // the places seen so far
	hearings map[uint64]*hearing // by id, of the session that is being read
	learning tolerance           // for what was recorded
	scratch  []byte
	// reflected are descriptors that servers have told about themselves.
	reflected [][]byte
}

// origin is a place as the recording spells it.
type origin struct{ scheme, authority string }

// Load reads the recordings at paths. Exchanges of an earlier path answer
// before those of a later one to the same request. An error names the path and
// wraps that of record.Open or of reading the file. The caller closes the
// Index.
func Load(paths []string, o Options) (*Index, error) {
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("load %d recordings: at most %d", len(paths), maxFiles)
	}
	x := newIndex(o)
	l := loader{Index: x, known: make(map[origin]key)}
	for _, path := range paths {
		f, err := o.open(path)
		if err != nil {
			return nil, errors.Join(err, x.Close()) // it names the path
		}
		x.files = append(x.files, f)
		x.names = append(x.names, filepath.Base(path))
		x.tolerance.masked = x.tolerance.masked || f.Meta().Redaction == "auto"
	}
	x.tolerance.marked = make(map[string]bool)
	l.learning = x.tolerance
	l.learning.learns = true
	for i, path := range paths {
		if err := l.file(i, path); err != nil {
			return nil, errors.Join(fmt.Errorf("load %s: %w", path, err), x.Close())
		}
	}
	if err := l.describe(); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	x.table = newTable(l.rows)
	return x, nil
}

// open opens the recording at path.
func (o *Options) open(path string) (*record.File, error) {
	if o.Root != nil {
		return record.OpenIn(o.Root, path)
	}
	return record.Open(path)
}

// file adds the exchanges of a file.
func (l *loader) file(n int, path string) error {
	f := l.files[n]
	before, size := len(l.rows), l.opts.sizeOf(path)
	err := f.Scan(func(line record.Line) error {
		if err := l.line(n, line); err != nil {
			return fmt.Errorf("line at offset %d: %w", line.Offset, err)
		}
		l.rows = reserve(l.rows, len(l.rows)-before, line.Offset, size)
		return nil
	})
	l.settle()
	for _, warning := range f.Warnings() {
		l.opts.Log.Warn("recording is damaged", "file", l.names[n], "warning", warning)
	}
	l.rows = append(l.rows[:before], l.usable(l.rows[before:])...)
	return err
}

// settle ends a session: what comes next has numbers of its own, in recordings
// that were put together.
func (l *loader) settle() {
	for _, h := range l.hearings {
		h.settle()
	}
	l.sessions++
	l.hearings = make(map[uint64]*hearing)
}

// line adds what a line of a file says.
func (l *loader) line(n int, line record.Line) (err error) {
	var r row
	switch line.Type {
	case record.TypeMeta: // of this run, or of one behind it
		l.settle()
		return nil
	case record.TypeWSFrame:
		return l.frame(line)
	case record.TypeWSClose:
		return l.closed(line)
	case record.TypePending:
		r.state = pending
	case record.TypeHTTP:
		r, err = l.exchange(l.files[n], line)
	case record.TypeWSOpen:
		r, err = l.opened(n, line)
	default:
		return nil
	}
	if err == nil && l.opts.Filter != nil {
		err = l.filter(&r, l.files[n], line)
	}
	if err != nil {
		return err
	}
	r.id, r.at, r.length, r.session = line.ID, positionOf(n, line.Offset), uint32(line.Length), l.sessions
	l.rows = append(l.rows, r)
	return nil
}

// usable returns, in rows' array, the rows for the table: of those of a session
// with the same id the last, unless it has no answer.
func (l *loader) usable(rows []row) []row {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.session, b.session), cmp.Compare(a.id, b.id), cmp.Compare(a.at, b.at))
	})
	kept := rows[:0]
	for i, r := range rows {
		replaced := i+1 < len(rows) && r.id != 0 && rows[i+1].id == r.id && rows[i+1].session == r.session
		switch {
		case replaced, r.state == left:
		case r.state == failed:
			l.stats.Failed++
		case r.state == pending:
			l.stats.Pending++
		case r.state == unmatched:
			kept = append(kept, r)
			l.stats.Failed++
		case r.state == upgraded:
			kept = append(kept, r)
			l.stats.WebSockets++
		default:
			kept = append(kept, r)
			l.stats.Exchanges++
		}
	}
	return kept
}

// members is what Load reads of an http line: no more than matching needs, most of
// the line is the answer, which is read when it is served.
type members struct {
	start                  int64
	request, messages, end gjson.Result
	answered, failed       bool
}

func membersOf(raw []byte) (m members) {
	gjson.ParseBytes(raw).ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "us":
			m.start = value.Int()
		case "request":
			m.request = value
		case "response":
			m.answered = true
		case "error":
			m.failed = true
		case "grpc":
			m.messages = value
		case "grpcEnd":
			m.end = value
		}
		return true
	})
	return m
}

// isCall reports whether the line is that of a gRPC call.
func (m *members) isCall() bool { return m.end.Exists() }

// exchange reads an http line.
func (l *loader) exchange(f *record.File, line record.Line) (row, error) {
	if uint64(line.Length) > math.MaxUint32 {
		return row{}, fmt.Errorf("%d bytes are too many for one line", line.Length)
	}
	m := membersOf(line.Raw)
	r := row{start: m.start}
	if !m.answered && !m.isCall() || m.failed && !isServable(line.Raw) {
		r.state = failed
		return r, nil
	}
	req, ok := simpleRequest(m.request)
	if !ok || m.isCall() {
		var err error
		if req, l.scratch, err = parseRequest(l.scratch, m.request); err != nil {
			return row{}, err
		}
	}
	u, err := parseURL(req.URL)
	if err != nil { // nobody can ask for it
		l.opts.Log.Warn("recorded request has no usable URL", "exchange", line.ID, "err", err)
		r.state = failed
		return r, nil
	}
	if protoset.IsReflection(u.Path()) {
		l.reflect(f, line)
	}
	if m.isCall() && isCall(req.Method, req.Header) && (m.failed || isTurnByTurn(m.messages, m.end)) {
		l.turns(&r, line, req, u)
	} else if m.answered {
		l.match(&r, f, line, req, u)
	} else {
		r.state = failed
	}
	return r, nil
}

// simpleRequest reads method and URL of a request that has nothing else to
// match, which most have not. It returns false if parseRequest has to look.
func simpleRequest(request gjson.Result) (req record.EntryRequest, ok bool) {
	ok = true
	request.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "method":
			req.Method = value.Str
		case "url":
			req.URL = value.Str
		case "headers":
			ok = !mentionsWebSocket(value.Raw)
			return ok
		case "proto":
			return true
		default:
			ok = false
		}
		ok = ok && strings.IndexByte(value.Raw, '\\') < 0
		return ok
	})
	return req, ok
}

// parseRequest reads the request of a line by itself. It returns the scratch
// space, grown.
func parseRequest(scratch []byte, request gjson.Result) (record.EntryRequest, []byte, error) {
	scratch = append(append(append(scratch[:0], `{"type":"http","request":`...), request.Raw...), '}')
	entry, err := record.ParseEntry(scratch)
	if err != nil {
		return record.EntryRequest{}, scratch, err
	}
	return entry.Request, scratch, nil
}

// parseURL splits a recorded URL, in which the target of "OPTIONS *" follows
// the authority.
func parseURL(s string) (traffic.URL, error) {
	rest, asterisk := strings.CutSuffix(s, "*")
	if asterisk && strings.Count(rest, "/") == 2 && !strings.Contains(rest, "?") {
		u, err := traffic.ParseURL(rest)
		u.Target = "*"
		return u, err
	}
	return traffic.ParseURL(s)
}

// match sets the keys of r. A request whose content is lost cannot be compared.
func (l *loader) match(r *row, f *record.File, line record.Line, req record.EntryRequest, u traffic.URL) {
	r.nearby = nearbyOf(u.Target)
	place := l.place(u)
	if isHandshake(req.Method, req.Header) { // it was refused
		r.key = handshakeKey(u.Target, &l.learning).at(place)
		return
	}
	if req.Body != nil && req.Body.Truncated {
		r.truncated(line)
		return
	}
	c, err := recordedContent(f, req, u, &l.learning)
	if err != nil {
		l.opts.Log.Warn("recorded request cannot be read", "exchange", line.ID, "err", err)
		r.state = failed
		return
	}
	r.call = c.kind == kindCall
	r.key = partialKey(req.Method, u.Target, c.digest, &l.learning).at(place)
}

// truncated makes r one that nothing matches.
func (r *row) truncated(line record.Line) {
	r.state = unmatched
	r.key = hashKey(binary.LittleEndian.AppendUint64([]byte("truncated"), uint64(line.Offset)))
}

// place returns the key of a place and adds it to the index if it is new.
func (l *loader) place(u traffic.URL) key {
	spelled := origin{u.Scheme, u.Authority}
	if k, ok := l.known[spelled]; ok {
		return k
	}
	k := placeKey(u)
	l.known[origin{strings.Clone(u.Scheme), strings.Clone(u.Authority)}] = k // not the whole line
	if !slices.ContainsFunc(l.places, func(p place) bool { return p.key == k }) {
		l.places = append(l.places, place{key: k, authority: string(appendAuthority(nil, u))})
	}
	return k
}

// isServable reports whether an exchange with an error has an answer all the
// same: a client that leaves an endless stream has seen what it wanted to see, and
// one that gives up a gRPC call will do so again. Where nobody had sent a message by
// then, nothing tells that call from others of its method.
func isServable(raw []byte) bool {
	entry, err := record.ParseEntry(raw)
	if err != nil || entry.Failure == nil {
		return false
	}
	left := entry.Failure.Side == traffic.SideClient
	if isCall(entry.Request.Method, entry.Request.Header) {
		said := len(entry.GRPC) > 0 || entry.GRPCEnd >= 0
		return said && (left || isOverdue(entry))
	}
	return left && entry.Response != nil && !entry.Response.Header.Has("Content-Length")
}

// recordedContent reads the content of a recorded request.
func recordedContent(f *record.File, req record.EntryRequest, u traffic.URL, tol *tolerance) (c content, err error) {
	if req.Body == nil {
		return content{}, nil
	}
	body, err := f.OpenBody(req.Body)
	if err != nil {
		return content{}, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if isUndecoded(req.Header, req.Body) {
		return digestRaw(body)
	}
	return digestContent(contentHead{u.Path(), req.Header}, body, tol)
}

// isUndecoded reports whether a body was recorded with a content coding that
// could not be undone.
func isUndecoded(header traffic.Fields, body *record.EntryBody) bool {
	return body.Coding == "" && header.Has("Content-Encoding") &&
		len(coding.Parse(header.Values("Content-Encoding"))) > 0
}
