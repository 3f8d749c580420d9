package record

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/traffic"
)

// ParseEntry reads an http, http.pending or ws.open line, which it does not keep.
// Members it does not know are ignored. Header fields, URL and the like come back
// byte for byte as they were recorded.
func ParseEntry(raw []byte) (*Entry, error) {
	e := newEntry()
	err := parseLine(raw, exchangeLine, func(p *parser, line gjson.Result) {
		p.entry(e, line)
		if !line.Get("request").Exists() {
			p.fail("no request")
		}
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// isExchange reports whether lines of that type are read by ParseEntry.
func isExchange(lineType string) bool {
	return lineType == TypeHTTP || lineType == TypePending || lineType == TypeWSOpen
}

// exchangeLine is what parseLine calls the types of isExchange.
const exchangeLine = "an exchange"

// parseLine reads a line of one type, or an exchangeLine.
func parseLine(raw []byte, want string, read func(*parser, gjson.Result)) error {
	if !jsondoc.Valid(raw) {
		return errors.New("parse recording line: not JSON")
	}
	line := gjson.ParseBytes(raw)
	if t := line.Get("type").String(); t != want && (want != exchangeLine || !isExchange(t)) {
		return fmt.Errorf("parse recording line %d: type %.40q is not %s", line.Get("seq").Uint(), t, want)
	}
	p := parser{}
	if read(&p, line); p.err != nil {
		return fmt.Errorf("parse recording line %d: %w", line.Get("seq").Uint(), p.err)
	}
	return nil
}

// parser reads the members of a line. It notes the first error and goes on.
type parser struct{ err error }

func (p *parser) fail(text string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(text, args...)
	}
}

// place says where to put what lines of all types have, nil for nowhere.
type place struct {
	seq, id, conn *uint64
	at            *time.Time
	offset        *time.Duration
}

// start reads a member that lines of all types have, and reports whether it was
// one.
func (p *parser) start(to place, key string, value gjson.Result) bool {
	switch key {
	case "seq":
		setNumber(to.seq, value)
	case "id":
		setNumber(to.id, value)
	case "conn":
		setNumber(to.conn, value)
	case "at":
		*to.at = p.time(value)
	case "us":
		*to.offset = time.Duration(p.size("us", value)) * time.Microsecond
	default:
		return false
	}
	return true
}

func setNumber(to *uint64, value gjson.Result) {
	if to != nil {
		*to = value.Uint()
	}
}

// unknownTiming is that of an exchange of which no step is known.
var unknownTiming = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}

// newEntry returns an Entry of which nothing is known.
func newEntry() *Entry { return &Entry{Timing: unknownTiming} }

// entry sets what the members of line say, and leaves the rest as it is.
func (p *parser) entry(e *Entry, line gjson.Result) {
	to := place{seq: &e.Seq, id: &e.ID, conn: &e.Conn, at: &e.At, offset: &e.Offset}
	line.ForEach(func(key, value gjson.Result) bool {
		if p.start(to, key.Str, value) {
			return true
		}
		switch key.Str {
		case "type":
			e.Type = value.String()
		case "client":
			e.Client = value.String()
		case "server":
			e.Server = value.String()
		case "tls":
			e.TLS = parseTLS(value)
		case "request":
			p.request(&e.Request, value)
		case "response":
			e.Response = p.response(e.Response, value)
		case "sent":
			e.Sent = &EntryRequest{}
			p.request(e.Sent, value)
		case "received":
			e.Received = p.response(nil, value)
		default:
			p.outcome(e, key.Str, value)
		}
		return true
	})
	if e.Type == TypeWSOpen {
		e.WS = p.agreed(line)
	}
}

// outcome reads a member that says how an exchange went.
func (p *parser) outcome(e *Entry, key string, value gjson.Result) {
	switch key {
	case "error":
		e.Failure = parseFailure(value)
	case "timings":
		p.timing(&e.Timing, value)
	case "ms":
		e.Duration = p.millis("ms", value)
	case "grpc":
		e.GRPC = p.grpc(value)
	case "grpcEnd":
		e.GRPCEnd = p.grpcEnd(value)
	case "rules":
		e.Rules = stringsOf(value)
	case "tags":
		e.Tags = stringsOf(value)
	}
}

func parseFailure(value gjson.Result) *traffic.Failure {
	return &traffic.Failure{
		Kind: traffic.FailureKind(value.Get("kind").String()),
		Side: traffic.Side(value.Get("side").String()),
		Text: value.Get("text").String(),
	}
}

func (p *parser) timing(t *traffic.Timing, value gjson.Result) {
	values := timingValues(t)
	value.ForEach(func(key, value gjson.Result) bool {
		if i := slices.Index(timingNames[:], key.Str); i >= 0 {
			*values[i] = p.millis(key.Str, value)
		}
		return true
	})
}

func parseTLS(value gjson.Result) *traffic.TLSInfo {
	return &traffic.TLSInfo{
		Version: value.Get("version").String(),
		ALPN:    value.Get("alpn").String(),
		Cipher:  value.Get("cipher").String(),
		SNI:     value.Get("sni").String(),
		JA4:     value.Get("ja4").String(),
	}
}

func (p *parser) request(r *EntryRequest, value gjson.Result) {
	var odd gjson.Result
	value.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "method":
			r.Method = value.String()
		case "url":
			r.URL = value.String()
		case "proto":
			r.Proto = value.String()
		case "headers":
			r.Header = p.fields(value)
		case "body":
			r.Body = p.body(r.Body, value)
		case "trailers":
			r.Trailer = p.fields(value)
		case latin1:
			odd = value
		}
		return true
	})
	for _, name := range stringsOf(odd) {
		switch name {
		case "method":
			r.Method = p.bytes(r.Method)
		case "url":
			r.URL = p.bytes(r.URL)
		case "proto":
			r.Proto = p.bytes(r.Proto)
		}
	}
}

// response reads a response, from what is known of it, nil for nothing.
func (p *parser) response(r *EntryResponse, value gjson.Result) *EntryResponse {
	if !value.IsObject() {
		return r
	}
	if r == nil {
		r = &EntryResponse{}
	}
	var odd gjson.Result
	value.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "status":
			r.Status = int(p.size("status", value))
		case "reason":
			r.Reason = value.String()
		case "proto":
			r.Proto = value.String()
		case "source":
			r.Source = traffic.Source(value.String())
		case "headers":
			r.Header = p.fields(value)
		case "body":
			r.Body = p.body(r.Body, value)
		case "trailers":
			r.Trailer = p.fields(value)
		case "informational":
			r.Informational = p.informational(value)
		case latin1:
			odd = value
		}
		return true
	})
	for _, name := range stringsOf(odd) {
		switch name {
		case "reason":
			r.Reason = p.bytes(r.Reason)
		case "proto":
			r.Proto = p.bytes(r.Proto)
		}
	}
	return r
}

// informational reads 1xx responses, of which there is only the head.
func (p *parser) informational(value gjson.Result) []EntryResponse {
	var all []EntryResponse
	for _, v := range value.Array() {
		if r := p.response(nil, v); r != nil {
			all = append(all, EntryResponse{Status: r.Status, Reason: r.Reason, Proto: r.Proto, Header: r.Header})
		}
	}
	return all
}

// fields reads [["Name","value"],...].
func (p *parser) fields(value gjson.Result) traffic.Fields {
	var fields traffic.Fields
	value.ForEach(func(_, pair gjson.Result) bool {
		var texts [3]string
		n := 0
		pair.ForEach(func(_, text gjson.Result) bool {
			if n < len(texts) {
				texts[n] = text.String()
			}
			n++
			return true
		})
		if !pair.IsArray() || n < 2 {
			p.fail("header field %.80q is not a pair", pair.Raw)
			return false
		}
		name, text := texts[0], texts[1]
		if texts[2] == latin1 {
			name, text = p.bytes(name), p.bytes(text)
		}
		fields = append(fields, traffic.Field{Name: name, Value: text})
		return true
	})
	return fields
}

// body reads content, from what is known of it, nil for nothing.
func (p *parser) body(b *EntryBody, value gjson.Result) *EntryBody {
	if b == nil {
		b = &EntryBody{}
	}
	value.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "size":
			b.Size = p.size("size", value)
		case "text":
			b.Inline = []byte(value.String())
		case "base64":
			b.Inline = p.base64(value)
		case "file":
			b.File = value.String()
		case "wire":
			if b.Coding = value.Get("coding").String(); b.Coding != "" {
				b.WireSize = p.size("wire size", value.Get("size"))
			}
		case "chunks":
			b.Chunks = p.chunks(value)
		case "truncated":
			b.Truncated = value.Bool()
		}
		return true
	})
	return b
}

func (p *parser) chunks(value gjson.Result) []traffic.Chunk {
	var chunks []traffic.Chunk
	value.ForEach(func(_, chunk gjson.Result) bool {
		chunks = append(chunks, traffic.Chunk{
			At:   p.millis("chunk", chunk.Get("0")),
			Size: p.size("chunk", chunk.Get("1")),
		})
		return true
	})
	return chunks
}

func (p *parser) time(value gjson.Result) time.Time {
	t, err := time.Parse(time.RFC3339Nano, value.String())
	if err != nil {
		p.fail("at: %w", err)
	}
	if t = t.UTC().Truncate(time.Microsecond); t.Year() < 0 || t.Year() > 9999 {
		p.fail("at: %.40q is in no year that can be written", value.Str)
	}
	return t
}

// size reads a whole number that is not negative.
func (p *parser) size(name string, value gjson.Result) int64 {
	const largest = 1 << 53 // beyond, numbers are not exact
	if value.Type != gjson.Number || !(value.Num >= 0 && value.Num <= largest) {
		p.fail("%s: %.40q is not a size", name, value.Raw)
		return 0
	}
	return value.Int()
}

// millis reads milliseconds, in steps of the tenth that is written.
func (p *parser) millis(name string, value gjson.Result) time.Duration {
	const longest = 1e12 // more than thirty years
	if value.Type != gjson.Number || !(value.Num >= 0 && value.Num <= longest) {
		p.fail("%s: %.40q is not milliseconds", name, value.Raw)
		return 0
	}
	return time.Duration(math.Round(value.Num*10)) * 100 * time.Microsecond
}

// bytes turns a string that has one character for each byte back into bytes.
func (p *parser) bytes(s string) string {
	out := make([]byte, 0, len(s))
	for _, c := range s {
		if c > math.MaxUint8 {
			p.fail("%.80q is not Latin-1", s)
			return s
		}
		out = append(out, byte(c))
	}
	return string(out)
}

func stringsOf(value gjson.Result) []string {
	var out []string
	for _, v := range value.Array() {
		out = append(out, v.String())
	}
	return out
}
