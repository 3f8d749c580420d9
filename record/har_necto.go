package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// The member `_necto` of an entry is its line, without what HAR says as well, and
// three members of its own: before has the lines in front of it that have no form
// in HAR, and close the line of the end of a WebSocket connection. Read back, its
// members go before those of HAR.
const (
	nectoBefore = "before"
	nectoAfter  = "after"
	nectoClose  = "close"
)

// appendNecto appends the `_necto` of an entry. before has the lines in front of it,
// each with its end; closed is the line of its end, nil for none.
func appendNecto(dst []byte, e *Entry, before, closed []byte) []byte {
	dst = appendPlace(dst, e.Type, e.Seq, e.ID)
	dst = appendUint(dst, `,"conn":`, e.Conn)
	dst = appendMoment(dst, e.At, e.Offset)
	if e.Client != "" {
		dst = appendMember(dst, "client", e.Client)
	}
	if e.Server != "" {
		dst = appendMember(dst, "server", e.Server)
	}
	dst = appendTLS(dst, e.TLS)
	dst = appendNectoRequest(dst, e)
	if e.Response != nil {
		dst = appendNectoResponse(dst, e)
	}
	var enc encoder
	dst = enc.appendEntryEdited(dst, e)
	if e.Type == TypeWSOpen {
		dst = appendAgreed(dst, e.WS)
	}
	dst = appendFailure(dst, e.Failure)
	if e.Timing == unknownTiming {
		dst = append(dst, `,"timings":{}`...)
	} else {
		dst = appendTiming(dst, e.Timing)
	}
	dst = append(dst, `,"ms":`...)
	dst = jsonenc.AppendMillis(dst, e.Duration)
	dst = appendGRPC(dst, e.GRPC, e.GRPCEnd)
	dst = appendList(dst, "rules", e.Rules)
	dst = appendList(dst, "tags", e.Tags)
	dst = appendRawList(dst, nectoBefore, before)
	if closed != nil {
		dst = append(append(dst, `,"`+nectoClose+`":`...), closed...)
	}
	return append(dst, '}')
}

// appendRawList appends a member that is a list of lines, nothing for none.
func appendRawList(dst []byte, name string, lines []byte) []byte {
	before := `,"` + name + `":[`
	for line := range bytes.Lines(lines) {
		dst = append(append(dst, before...), bytes.TrimSuffix(line, []byte("\n"))...)
		before = ","
	}
	if len(lines) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// appendNectoRequest appends what HAR would change of a request. What it can say
// is left to it, so that a HAR may be edited.
func appendNectoRequest(dst []byte, e *Entry) []byte {
	r := &e.Request
	dst, odd := appendWire(append(dst, memberRequest...), '{', "proto", r.Proto, nil)
	if !utf8.ValidString(r.Method) {
		dst, odd = appendWire(dst, ',', "method", r.Method, odd)
	}
	if !utf8.ValidString(r.URL) || e.Type == TypeWSOpen && !isSocketURL(r.URL) {
		dst, odd = appendWire(dst, ',', "url", r.URL, odd)
	}
	dst = appendList(dst, latin1, odd)
	dst = appendNectoHeader(dst, "headers", r.Header)
	dst = appendNectoBody(dst, r.Body, r.Header)
	dst = appendNectoHeader(dst, "trailers", r.Trailer)
	return append(dst, '}')
}

// appendNectoResponse is appendNectoRequest for the response.
func appendNectoResponse(dst []byte, e *Entry) []byte {
	r := e.Response
	dst, odd := appendWire(append(dst, memberResponse...), '{', "proto", r.Proto, nil)
	if r.Status <= 0 || e.Type == TypeWSOpen && r.Status != http.StatusSwitchingProtocols {
		dst = appendUint(dst, `,"status":`, uint64(r.Status))
	}
	if !utf8.ValidString(r.Reason) {
		dst, odd = appendWire(dst, ',', "reason", r.Reason, odd)
	}
	dst = appendList(dst, latin1, odd)
	dst = appendSource(dst, r.Source)
	dst = appendNectoHeader(dst, "headers", r.Header)
	dst = appendNectoBody(dst, r.Body, r.Header)
	dst = appendNectoHeader(dst, "trailers", r.Trailer)
	if len(r.Informational) > 0 {
		var enc encoder
		dst = enc.appendInformational(dst, r.Informational)
	}
	return append(dst, '}')
}

// appendNectoHeader appends fields that readers of HAR would change.
func appendNectoHeader(dst []byte, name string, fields traffic.Fields) []byte {
	for _, f := range fields {
		if !utf8.ValidString(f.Name) || !utf8.ValidString(f.Value) || strings.HasPrefix(f.Name, ":") {
			var enc encoder
			return enc.appendHeader(dst, `,"`+name+`":`, fields)
		}
	}
	return dst
}

// appendNectoBody appends what there is to say of content beside the content
// itself.
func appendNectoBody(dst []byte, b *EntryBody, header traffic.Fields) []byte {
	if b == nil {
		return dst
	}
	dst = appendUint(dst, `,"body":{"size":`, uint64(b.Size))
	if b.Truncated {
		dst = append(dst, `,"truncated":true`...)
	}
	if b.Coding != "" || header.Has("Content-Encoding") {
		dst = append(dst, `,"wire":{"coding":`...)
		dst = jsonenc.AppendText(dst, b.Coding)
		dst = appendUint(dst, `,"size":`, uint64(b.WireSize))
		dst = append(dst, '}')
	}
	return append(appendChunks(dst, b.Chunks), '}')
}

// overlay sets what the `_necto` of an entry says.
func overlay(e *Entry, necto json.RawMessage) error {
	if !isExchange(gjson.GetBytes(necto, "type").Str) {
		return errors.New("_necto is not that of an exchange")
	}
	line := gjson.ParseBytes(necto)
	if line.Get("timings").Exists() {
		e.Timing = unknownTiming
	}
	request, response := sizeOf(e.Request.Body), sizeOf(responseBody(e))
	p := parser{}
	if p.entry(e, line); p.err != nil {
		return fmt.Errorf("_necto: %w", p.err)
	}
	settle(e.Request.Body, request)
	settle(responseBody(e), response)
	if e.Type != TypeWSOpen {
		e.WS = nil
	}
	return nil
}

func sizeOf(b *EntryBody) int64 {
	if b == nil {
		return 0
	}
	return b.Size
}

// settle makes the sizes of content fit it, of which HAR has so many bytes:
// somebody may have edited it.
func settle(b *EntryBody, content int64) {
	if b == nil {
		return
	}
	if !b.Truncated {
		b.Size = content
	}
	if b.Coding == "" {
		b.WireSize = 0
	}
}

func responseBody(e *Entry) *EntryBody {
	if e.Response == nil {
		return nil
	}
	return e.Response.Body
}

// nectoLines returns the lines of a list in `_necto`.
func nectoLines(necto json.RawMessage, name string) [][]byte {
	var lines [][]byte
	for _, v := range gjson.GetBytes(necto, name).Array() {
		lines = append(lines, []byte(v.Raw))
	}
	return lines
}
