package record

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

// ParseEntry reads an http, http.pending or ws.open line, which it does not keep. Members
// it does not know are ignored. Header fields, URL and the like come back byte
// for byte as they were recorded.
func ParseEntry(raw []byte) (*Entry, error) {
	if !gjson.ValidBytes(raw) {
		return nil, errors.New("parse recording line: not JSON")
	}
	p := parser{}
	e := p.entry(gjson.ParseBytes(raw))
	if p.err == nil && e.Type != TypeHTTP && e.Type != TypePending && e.Type != TypeWSOpen {
		p.fail("type %.40q is not an exchange", e.Type)
	}
	if p.err != nil {
		return nil, fmt.Errorf("parse recording line %d: %w", e.Seq, p.err)
	}
	return e, nil
}

// parser reads the members of a line. It notes the first error and goes on.
type parser struct{ err error }

func (p *parser) fail(text string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(text, args...)
	}
}

func (p *parser) entry(line gjson.Result) *Entry {
	e := &Entry{Timing: traffic.Timing{
		Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1,
	}}
	hasRequest := false
	line.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "type":
			e.Type = value.String()
		case "seq":
			e.Seq = value.Uint()
		case "id":
			e.ID = value.Uint()
		case "conn":
			e.Conn = value.Uint()
		case "at":
			e.At = p.time(value)
		case "us":
			e.Offset = time.Duration(p.size("us", value)) * time.Microsecond
		case "client":
			e.Client = value.String()
		case "server":
			e.Server = value.String()
		case "tls":
			e.TLS = parseTLS(value)
		case "request":
			e.Request, hasRequest = p.request(value), true
		case "response":
			if value.IsObject() {
				e.Response = p.response(value)
			}
		default:
			p.outcome(e, key.Str, value)
		}
		return true
	})
	if !hasRequest {
		p.fail("no request")
	}
	if e.Type == TypeWSOpen {
		e.WS = p.agreed(line)
	}
	return e
}

// outcome reads a member that says how an exchange went.
func (p *parser) outcome(e *Entry, key string, value gjson.Result) {
	switch key {
	case "error":
		e.Failure = &traffic.Failure{
			Kind: traffic.FailureKind(value.Get("kind").String()),
			Side: traffic.Side(value.Get("side").String()),
			Text: value.Get("text").String(),
		}
	case "timings":
		for i, d := range timingValues(&e.Timing) {
			if t := value.Get(timingNames[i]); t.Exists() {
				*d = p.millis(timingNames[i], t)
			}
		}
	case "ms":
		e.Duration = p.millis("ms", value)
	case "rules":
		e.Rules = stringsOf(value)
	case "tags":
		e.Tags = stringsOf(value)
	}
}

func parseTLS(value gjson.Result) *traffic.TLSInfo {
	return &traffic.TLSInfo{
		Version: value.Get("version").String(),
		ALPN:    value.Get("alpn").String(),
		Cipher:  value.Get("cipher").String(),
		SNI:     value.Get("sni").String(),
	}
}

func (p *parser) request(value gjson.Result) (r EntryRequest) {
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
			r.Body = p.body(value)
		case "trailers":
			r.Trailer = p.fields(value)
		}
		return true
	})
	p.latin1(value, map[string]*string{"method": &r.Method, "url": &r.URL, "proto": &r.Proto})
	return r
}

func (p *parser) response(value gjson.Result) *EntryResponse {
	r := &EntryResponse{}
	value.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "status":
			r.Status = int(p.size("status", value))
		case "reason":
			r.Reason = value.String()
		case "proto":
			r.Proto = value.String()
		case "headers":
			r.Header = p.fields(value)
		case "body":
			r.Body = p.body(value)
		case "trailers":
			r.Trailer = p.fields(value)
		case "informational":
			for _, v := range value.Array() {
				r.Informational = append(r.Informational, *p.response(v))
			}
		}
		return true
	})
	p.latin1(value, map[string]*string{"reason": &r.Reason, "proto": &r.Proto})
	return r
}

// latin1 turns the members of a start line that are marked so into bytes.
func (p *parser) latin1(value gjson.Result, members map[string]*string) {
	marked := value.Get(latin1)
	if !marked.Exists() {
		return
	}
	for _, name := range stringsOf(marked) {
		if s := members[name]; s != nil {
			*s = p.bytes(*s)
		}
	}
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

func (p *parser) body(value gjson.Result) *EntryBody {
	b := &EntryBody{}
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
			b.Coding = value.Get("coding").String()
			b.WireSize = p.size("wire size", value.Get("size"))
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
	return t.UTC()
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
