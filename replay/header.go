package replay

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// endToEnd returns a copy of recorded fields without those that were about the
// connection they came on (RFC 9110 section 7.6.1). Transfer-Encoding and
// Content-Length stay, for frame to replace where they stand.
func endToEnd(recorded traffic.Fields) traffic.Fields {
	names := []string{"Connection", "Proxy-Connection", "Keep-Alive", "TE", "Upgrade"}
	for _, value := range recorded.Values("Connection") {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, strings.Trim(name, " \t"))
		}
	}
	fields := recorded.Clone()
	fields.Del(names...)
	return fields
}

// checkHeads refuses a response that would not be one on the wire: a line end in
// a field of a recording made by others would begin a field, or an answer, of
// its own (RFC 9110 section 5.5).
func checkHeads(r *record.EntryResponse) error {
	if strings.ContainsAny(r.Reason, lineBreaking) {
		return fmt.Errorf("has the reason phrase %.40q", r.Reason)
	}
	for _, fields := range [...]traffic.Fields{r.Header, r.Trailer} {
		for _, f := range fields {
			if f.Name == "" || strings.ContainsAny(f.Name, lineBreaking+" \t:") || strings.ContainsAny(f.Value, lineBreaking) {
				return fmt.Errorf("has the invalid header field %.40q", f.Name)
			}
		}
	}
	for i := range r.Informational {
		if err := checkHeads(&r.Informational[i]); err != nil {
			return err
		}
	}
	return nil
}

// lineBreaking has the bytes that no line of a head has in it.
const lineBreaking = "\r\n\x00"

// frame makes the fields say how the content is delimited: chunked if it was
// streamed or its length is not known, else by its length.
func (v *variant) frame(streamed bool) {
	v.header = v.header.Clone()
	if streamed || v.length < 0 {
		v.length = -1
		replace(&v.header, "Content-Length", "Transfer-Encoding", "chunked")
	} else {
		replace(&v.header, "Transfer-Encoding", "Content-Length", strconv.FormatInt(v.length, 10))
	}
}

// replace removes the fields called old and sets the one called name: where it
// is, or where old was.
func replace(fields *traffic.Fields, old, name, value string) {
	if !fields.Has(name) {
		for i, f := range *fields {
			if f.Is(old) {
				(*fields)[i] = traffic.Field{Name: name, Value: value}
				break
			}
		}
	}
	fields.Del(old)
	fields.Set(name, value)
}

// sizeOf returns about how many bytes fields take in memory.
func sizeOf(fields traffic.Fields) int64 {
	const field = 48
	size := int64(256) // what holds them
	for _, f := range fields {
		size += field + int64(len(f.Name)+len(f.Value))
	}
	return size
}
