package har

// Response is the response of an Entry. Status 0 means that there was none.
type Response struct {
	Status      int
	StatusText  string
	HTTPVersion string
	Cookies     []Cookie
	// Headers are in the order of the wire, with their spelling and duplicates.
	Headers []Pair
	Content Content
	// RedirectURL is the value of Location, "" for none.
	RedirectURL string
	// HeadersSize is the length of the head in bytes, its empty line included,
	// BodySize that of the body as received, before decoding. -1 if unknown.
	HeadersSize, BodySize int64
	Comment               string

	// TransferSize is `_transferSize`, the bytes received in all; 0 for none.
	TransferSize int64
	// Error is `_error`, why there is no whole response; "" for none.
	Error string
	// Trailers is `_trailers`, nil for none.
	Trailers []Pair
	// Informational is `_informational`, the 1xx responses before this one.
	Informational []Informational
	Extra         []Member
}

// Informational is a 1xx response.
type Informational struct {
	Status                  int
	StatusText, HTTPVersion string
	Headers                 []Pair
	Extra                   []Member
}

// Content is the content of a response, decoded.
type Content struct {
	// Size is the length in bytes after decoding.
	Size int64
	// Compression is how many bytes content coding saved, left out if 0.
	Compression int64
	MimeType    string
	// Body is `text`, with `encoding` if it is base64.
	Body    Body
	Comment string

	// File is `_file`: where content is that is beside the HAR, "" for none.
	File string
	// Truncated is `_truncated`: Body has only the beginning.
	Truncated bool
	Extra     []Member
}
