package record

import (
	"time"

	"github.com/necto-dev/necto/internal/jsonenc"
)

// AppendEntry appends to dst the line, its end included, that ParseEntry reads e
// from. Content stays where it is: sidecars are named, not written.
func AppendEntry(dst []byte, e *Entry) []byte {
	var enc encoder // which keeps secrets
	dst = appendPlace(dst, e.Type, e.Seq, e.ID)
	dst = appendUint(dst, `,"conn":`, e.Conn)
	dst = appendMoment(dst, e.At, e.Offset)
	ended := e.Type != TypePending || e.Failure != nil
	if ended || e.Client != "" {
		dst = appendMember(dst, "client", e.Client)
	}
	if e.Server != "" {
		dst = appendMember(dst, "server", e.Server)
	}
	dst = appendTLS(dst, e.TLS)
	dst = enc.appendEntryRequest(dst, memberRequest, &e.Request)
	if e.Response != nil {
		dst = enc.appendEntryResponse(dst, memberResponse, e.Response)
	}
	dst = enc.appendEntryEdited(dst, e)
	if e.Type == TypeWSOpen {
		dst = appendAgreed(dst, e.WS)
	}
	dst = appendFailure(dst, e.Failure)
	dst = appendTiming(dst, e.Timing)
	if ended && e.Type != TypeWSOpen || e.Duration != 0 {
		dst = append(dst, `,"ms":`...)
		dst = jsonenc.AppendMillis(dst, e.Duration)
	}
	dst = appendGRPC(dst, e.GRPC, e.GRPCEnd)
	dst = appendList(dst, "rules", e.Rules)
	dst = appendList(dst, "tags", e.Tags)
	return append(dst, "}\n"...)
}

// appendEntryEdited appends the origin's side.
func (e *encoder) appendEntryEdited(dst []byte, entry *Entry) []byte {
	if entry.Sent != nil {
		dst = e.appendEntryRequest(dst, memberSent, entry.Sent)
	}
	if entry.Received != nil {
		dst = e.appendEntryResponse(dst, memberReceived, entry.Received)
	}
	return dst
}

func (e *encoder) appendEntryRequest(dst []byte, member string, r *EntryRequest) []byte {
	dst = appendRequestLine(dst, member, r.Method, r.URL, r.Proto)
	dst = e.appendHeader(dst, `,"headers":`, r.Header)
	dst = r.Body.append(dst)
	if len(r.Trailer) > 0 {
		dst = e.appendHeader(dst, `,"trailers":`, r.Trailer)
	}
	return append(dst, '}')
}

func (e *encoder) appendEntryResponse(dst []byte, member string, r *EntryResponse) []byte {
	dst = append(dst, member...)
	dst = appendStatusLine(dst, r.Status, r.Reason, r.Proto)
	dst = e.appendHeader(dst, `,"headers":`, r.Header)
	dst = appendSource(dst, r.Source)
	dst = r.Body.append(dst)
	if len(r.Trailer) > 0 {
		dst = e.appendHeader(dst, `,"trailers":`, r.Trailer)
	}
	dst = e.appendInformational(dst, r.Informational)
	return append(dst, '}')
}

// appendInformational appends 1xx responses, nothing for none.
func (e *encoder) appendInformational(dst []byte, all []EntryResponse) []byte {
	before := `,"informational":[`
	for i := range all {
		dst = append(dst, before...)
		dst = appendStatusLine(dst, all[i].Status, all[i].Reason, all[i].Proto)
		dst = append(e.appendHeader(dst, `,"headers":`, all[i].Header), '}')
		before = `,`
	}
	if len(all) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// append appends the body member, nothing for no content.
func (b *EntryBody) append(dst []byte) []byte {
	if b == nil {
		return dst
	}
	m := bodyMember{
		content: b.stored(), size: b.Size, codings: b.Coding, wireSize: b.WireSize,
		chunks: b.Chunks, truncated: b.Truncated,
	}
	return m.append(dst)
}

func (b *EntryBody) stored() stored { return stored{bytes: b.Inline, file: b.File} }

// AppendFrame appends to dst the line, its end included, that ParseFrame reads f
// from.
func AppendFrame(dst []byte, f *FrameEntry) []byte {
	dst = appendPlace(dst, TypeWSFrame, f.Seq, f.ID)
	dst = appendUint(dst, `,"n":`, f.N)
	dst = appendMoment(dst, f.At, f.Offset)
	frame := f.Frame(nil)
	dst = appendFrameHead(dst, frame)
	dst = appendFrameContent(dst, frame, f.Body.stored(), f.Body.Size)
	dst = appendFrameFacts(dst, frame)
	if f.Original != nil {
		dst = appendOriginal(dst, f.Original.stored(), f.Original.Size)
	}
	return append(dst, "}\n"...)
}

// AppendClose appends to dst the line, its end included, that ParseWSClose reads
// c from.
func AppendClose(dst []byte, c *CloseEntry) []byte {
	dst = appendPlace(dst, TypeWSClose, c.Seq, c.ID)
	dst = appendMoment(dst, c.At, c.Offset)
	return append(appendEndOfConnection(dst, &c.WSClose), "}\n"...)
}

// appendPlace begins a line that belongs to an exchange.
func appendPlace(dst []byte, lineType string, seq, id uint64) []byte {
	dst = appendType(dst, lineType, seq)
	return appendUint(dst, `,"id":`, id)
}

func appendType(dst []byte, lineType string, seq uint64) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, lineType...)
	return appendUint(dst, `","seq":`, seq)
}

func appendMoment(dst []byte, at time.Time, offset time.Duration) []byte {
	var s stamper
	return s.appendWhen(dst, at, offset)
}
