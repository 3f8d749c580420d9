package har

import "time"

// Request is the request of an Entry.
type Request struct {
	Method string
	// URL is absolute and has no fragment; that of a WebSocket connection has
	// the scheme ws or wss.
	URL string
	// HTTPVersion is HTTP/1.0, HTTP/1.1, http/2.0 or h3.
	HTTPVersion string
	Cookies     []Cookie
	// Headers are in the order of the wire, with their spelling and duplicates.
	Headers []Pair
	// QueryString is the query of URL, decoded.
	QueryString []Pair
	// PostData is the content, nil for none.
	PostData *PostData
	// HeadersSize is the length of the head in bytes, its empty line included,
	// BodySize that of the body as sent, before decoding. -1 if unknown.
	HeadersSize, BodySize int64
	Comment               string

	// Trailers is `_trailers`, nil for none.
	Trailers []Pair
	Extra    []Member
}

// Pair is a header, a trailer or a parameter of a query.
type Pair struct {
	Name, Value string
	Comment     string
	Extra       []Member
}

// Cookie is a cookie of a request, which has Name and Value only, or of a
// response.
type Cookie struct {
	Name, Value, Path, Domain string
	// Expires is written in ISO 8601, left out if zero.
	Expires          time.Time
	HTTPOnly, Secure bool
	// SameSite is `sameSite`: Strict, Lax or None; "" for none.
	SameSite string
	Comment  string
	Extra    []Member
}

// PostData is the content of a request.
type PostData struct {
	MimeType string
	// Params are the fields of a form.
	Params []Param
	// Body is `text`, which is written always, with `encoding` if it is base64.
	Body    Body
	Comment string

	// File is `_file`: where content is that is beside the HAR, "" for none.
	File string
	// Truncated is `_truncated`: Body has only the beginning.
	Truncated bool
	Extra     []Member
}

// Param is a field of a form.
type Param struct {
	Name, Value string
	// FileName and ContentType are those of a file, "" for none.
	FileName, ContentType string
	Comment               string
	Extra                 []Member
}
