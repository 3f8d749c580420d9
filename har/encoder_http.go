package har

import "net/netip"

func (e *encoder) request(r *Request) {
	e.buf = appendText(e.buf, `,"request":{"method":`, r.Method)
	e.buf = appendText(e.buf, `,"url":`, r.URL)
	e.buf = appendText(e.buf, `,"httpVersion":`, r.HTTPVersion)
	list(e, `,"cookies":`, r.Cookies, (*encoder).cookie)
	list(e, `,"headers":`, r.Headers, (*encoder).pair)
	list(e, `,"queryString":`, r.QueryString, (*encoder).pair)
	if r.PostData != nil {
		e.postData(r.PostData)
	}
	e.buf = appendInt(e.buf, `,"headersSize":`, r.HeadersSize)
	e.buf = appendInt(e.buf, `,"bodySize":`, r.BodySize)
	optionalList(e, `,"_trailers":`, r.Trailers, (*encoder).pair)
	e.end(r.Comment, r.Extra)
}

func (e *encoder) response(r *Response) {
	e.buf = appendInt(e.buf, `,"response":{"status":`, int64(r.Status))
	e.buf = appendText(e.buf, `,"statusText":`, r.StatusText)
	e.buf = appendText(e.buf, `,"httpVersion":`, r.HTTPVersion)
	list(e, `,"cookies":`, r.Cookies, (*encoder).cookie)
	list(e, `,"headers":`, r.Headers, (*encoder).pair)
	e.content(&r.Content)
	e.buf = appendText(e.buf, `,"redirectURL":`, r.RedirectURL)
	e.buf = appendInt(e.buf, `,"headersSize":`, r.HeadersSize)
	e.buf = appendInt(e.buf, `,"bodySize":`, r.BodySize)
	e.buf = appendOptionalInt(e.buf, `,"_transferSize":`, r.TransferSize)
	e.buf = appendOptional(e.buf, `,"_error":`, r.Error)
	optionalList(e, `,"_trailers":`, r.Trailers, (*encoder).pair)
	optionalList(e, `,"_informational":`, r.Informational, (*encoder).informational)
	e.end(r.Comment, r.Extra)
}

func (e *encoder) informational(r *Informational) {
	e.buf = appendInt(e.buf, `{"status":`, int64(r.Status))
	e.buf = appendText(e.buf, `,"statusText":`, r.StatusText)
	e.buf = appendText(e.buf, `,"httpVersion":`, r.HTTPVersion)
	list(e, `,"headers":`, r.Headers, (*encoder).pair)
	e.end("", r.Extra)
}

func (e *encoder) pair(p *Pair) {
	e.buf = appendText(e.buf, `{"name":`, p.Name)
	e.buf = appendText(e.buf, `,"value":`, p.Value)
	e.end(p.Comment, p.Extra)
}

func (e *encoder) cookie(c *Cookie) {
	e.buf = appendText(e.buf, `{"name":`, c.Name)
	e.buf = appendText(e.buf, `,"value":`, c.Value)
	e.buf = appendOptional(e.buf, `,"path":`, c.Path)
	e.buf = appendOptional(e.buf, `,"domain":`, c.Domain)
	if !c.Expires.IsZero() {
		e.buf = appendTime(e.buf, `,"expires":`, c.Expires)
	}
	e.buf = appendFlag(e.buf, `,"httpOnly":`, c.HTTPOnly)
	e.buf = appendFlag(e.buf, `,"secure":`, c.Secure)
	e.buf = appendOptional(e.buf, `,"sameSite":`, c.SameSite)
	e.end(c.Comment, c.Extra)
}

// postData appends content of a request. mitmproxy needs `text`, be it empty.
func (e *encoder) postData(p *PostData) {
	e.buf = appendText(e.buf, `,"postData":{"mimeType":`, p.MimeType)
	optionalList(e, `,"params":`, p.Params, (*encoder).param)
	e.body(`,"text":`, `,"encoding":"base64"`, &p.Body)
	e.buf = appendOptional(e.buf, `,"_file":`, p.File)
	e.buf = appendFlag(e.buf, `,"_truncated":`, p.Truncated)
	e.end(p.Comment, p.Extra)
}

func (e *encoder) param(p *Param) {
	e.buf = appendText(e.buf, `{"name":`, p.Name)
	e.buf = appendText(e.buf, `,"value":`, p.Value) // har-to-k6 needs it of files, too
	e.buf = appendOptional(e.buf, `,"fileName":`, p.FileName)
	e.buf = appendOptional(e.buf, `,"contentType":`, p.ContentType)
	e.end(p.Comment, p.Extra)
}

func (e *encoder) content(c *Content) {
	e.buf = appendInt(e.buf, `,"content":{"size":`, c.Size)
	e.buf = appendOptionalInt(e.buf, `,"compression":`, c.Compression)
	e.buf = appendText(e.buf, `,"mimeType":`, c.MimeType)
	if c.Body.Present() {
		e.body(`,"text":`, `,"encoding":"base64"`, &c.Body)
	}
	e.buf = appendOptional(e.buf, `,"_file":`, c.File)
	e.buf = appendFlag(e.buf, `,"_truncated":`, c.Truncated)
	e.end(c.Comment, c.Extra)
}

// appendAddress appends the address of the server if it is one as HAR 1.2 wants
// it: a host name or a zone makes the file invalid.
func appendAddress(dst []byte, address string) []byte {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return dst
	}
	return appendText(dst, `,"serverIPAddress":`, addr.WithZone("").String())
}
