package h2

import (
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// Head is the header section of a request or a response.
type Head struct {
	// Pseudo has the pseudo-fields in the order they came or are to be sent in:
	// :method, :scheme, :authority, :path and :protocol, or :status. Names begin
	// with their colon.
	Pseudo traffic.Fields
	// Fields has all others in order. Names are in lower case. Those that came as
	// literals never indexed are traffic.NeverIndexed, and are sent as such.
	Fields traffic.Fields
	// End means that nothing follows: the frame has END_STREAM.
	End bool
	// Cut means that the head of a request came with more fields than are taken (see
	// Config.MaxHeaderList), and without some of them says something else: it is to be
	// answered with 431 (Request Header Fields Too Large).
	Cut bool
}

// RequestHead returns the head of a request that is not a CONNECT. A scheme, an
// authority or a path of "" is left out.
func RequestHead(method, scheme, authority, path string, fields traffic.Fields) Head {
	pseudo := make(traffic.Fields, 0, 4)
	pseudo.Add(":method", method)
	for _, f := range [...]traffic.Field{{Name: ":scheme", Value: scheme}, {Name: ":authority", Value: authority}, {Name: ":path", Value: path}} {
		if f.Value != "" {
			pseudo = append(pseudo, f)
		}
	}
	return Head{Pseudo: pseudo, Fields: fields}
}

// ResponseHead returns the head of a response with status 100 to 999.
func ResponseHead(status int, fields traffic.Fields) Head {
	return Head{Pseudo: traffic.Fields{{Name: ":status", Value: strconv.Itoa(status)}}, Fields: fields}
}

// Ended returns h with End set.
func (h Head) Ended() Head {
	h.End = true
	return h
}

// Status returns the status of a response, 0 if h is none.
func (h Head) Status() int {
	status, err := strconv.Atoi(h.Pseudo.Get(":status"))
	if err != nil {
		return 0
	}
	return status
}
