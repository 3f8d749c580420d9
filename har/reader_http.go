package har

import (
	"fmt"
	"slices"
	"strings"
)

func (c *cursor) request(r *Request, d *decoded) bool {
	return c.object("request", func(name []byte) {
		switch string(name) {
		case "method":
			r.Method = c.word()
		case "url":
			r.URL, _, _ = strings.Cut(c.str(), "#")
		case "httpVersion":
			r.HTTPVersion = httpVersion(c.word())
		case "cookies":
			c.cookies("request.cookies", &r.Cookies)
		case "headers":
			r.Headers = c.headers("request.headers")
		case "queryString":
			d.query = true
			r.QueryString = c.pairs("request.queryString")
		case "postData":
			c.postData(r)
		case "headersSize":
			r.HeadersSize = max(c.integer("request.headersSize", -1), -1)
		case "bodySize":
			r.BodySize = max(c.integer("request.bodySize", -1), -1)
		case "comment":
			r.Comment = c.str()
		case "_trailers":
			r.Trailers = c.pairs("request._trailers")
		default:
			c.extra(&r.Extra, name)
		}
	})
}

func (c *cursor) response(r *Response, d *decoded) bool {
	return c.object("response", func(name []byte) {
		switch string(name) {
		case "status":
			r.Status = c.status("response.status")
		case "statusText":
			r.StatusText = c.word()
		case "httpVersion":
			r.HTTPVersion = httpVersion(c.word())
		case "cookies":
			c.cookies("response.cookies", &r.Cookies)
		case "headers":
			r.Headers = c.headers("response.headers")
		case "content":
			d.coded = c.content(&r.Content)
		case "redirectURL":
			r.RedirectURL = c.str()
			d.redirect = true
		case "headersSize":
			r.HeadersSize = max(c.integer("response.headersSize", -1), -1)
		case "bodySize":
			r.BodySize = max(c.integer("response.bodySize", -1), -1)
		case "comment":
			r.Comment = c.str()
		default:
			c.customResponseMember(r, name)
		}
	})
}

// customResponseMember takes a member that is not of HAR 1.2. Playwright calls
// _failureText what Chrome calls _error.
func (c *cursor) customResponseMember(r *Response, name []byte) {
	switch string(name) {
	case "_transferSize":
		r.TransferSize = max(c.integer("response._transferSize", 0), 0)
	case "_error", "_failureText":
		if text := c.str(); text != "" {
			r.Error = text
		}
	case "_trailers":
		r.Trailers = c.pairs("response._trailers")
	case "_informational":
		c.array("response._informational", func() { c.informational(r) })
	default:
		c.extra(&r.Extra, name)
	}
}

func (c *cursor) informational(r *Response) {
	var i Informational
	found := c.object("response._informational", func(name []byte) {
		switch string(name) {
		case "status":
			i.Status = c.status("response._informational.status")
		case "statusText":
			i.StatusText = c.word()
		case "httpVersion":
			i.HTTPVersion = httpVersion(c.word())
		case "headers":
			i.Headers = c.headers("response._informational.headers")
		default:
			c.extra(&i.Extra, name)
		}
	})
	if found {
		r.Informational = append(r.Informational, i)
	}
}

// status returns a status, 0 for the numbers below that some tools write for
// requests that were cancelled, blocked or answered from a cache.
func (c *cursor) status(what string) int {
	n := c.integer(what, 0)
	if n > 999 {
		c.warn(fmt.Sprintf("%s is %d", what, n))
		return 0
	}
	return int(max(n, 0))
}

// headers returns fields without the pseudo-headers of HTTP/2, which repeat what
// other members say.
func (c *cursor) headers(what string) []Pair {
	all := c.pairs(what)
	kept := all[:0]
	for _, p := range all {
		switch {
		case p.Name == "":
			c.warn(what + " has one without a name, it is left out")
		case p.Name[0] != ':':
			kept = append(kept, p)
		}
	}
	return kept
}

// maxList is how many pairs memory is kept for from entry to entry.
const maxList = 1 << 10

// pairs returns pairs in any of the forms that there are: objects with name and
// value, arrays of both, or one object whose members are the pairs.
func (c *cursor) pairs(what string) []Pair {
	var pairs []Pair
	if c.peek() == '{' {
		c.object(what, func(name []byte) {
			p := Pair{Name: c.r.names.str(name)}
			p.Value = c.str()
			pairs = append(pairs, p)
		})
		return pairs
	}
	pairs = c.r.list[:0]
	c.array(what, func() {
		var p Pair
		if c.peek() == '[' {
			c.arrayPair(what, &p)
		} else if !c.objectPair(what, &p) {
			return
		}
		pairs = append(pairs, p)
	})
	if c.r.list = pairs[:0]; cap(pairs) > maxList {
		c.r.list = nil
	}
	if len(pairs) == 0 {
		return nil
	}
	return slices.Clone(pairs)
}

func (c *cursor) objectPair(what string, p *Pair) bool {
	return c.object(what, func(name []byte) {
		switch string(name) {
		case "name":
			p.Name = c.word()
		case "value":
			p.Value = c.fieldValue()
		case "comment":
			p.Comment = c.str()
		default:
			c.extra(&p.Extra, name)
		}
	})
}

func (c *cursor) arrayPair(what string, p *Pair) {
	n := 0
	c.array(what, func() {
		switch n++; n {
		case 1:
			p.Name = c.word()
		case 2:
			p.Value = c.str()
		default:
			c.skip()
		}
	})
}

func (c *cursor) cookies(what string, to *[]Cookie) {
	c.array(what, func() {
		var k Cookie
		found := c.object(what, func(name []byte) {
			switch string(name) {
			case "name":
				k.Name = c.word()
			case "value":
				k.Value = c.str()
			case "path":
				k.Path = c.word()
			case "domain":
				k.Domain = c.word()
			case "expires":
				k.Expires = c.expires()
			case "httpOnly":
				k.HTTPOnly = c.flag()
			case "secure":
				k.Secure = c.flag()
			case "sameSite":
				k.SameSite = sameSite(c.word())
			case "comment":
				k.Comment = c.str()
			default:
				c.extra(&k.Extra, name)
			}
		})
		if found {
			*to = append(*to, k)
		}
	})
}

func (c *cursor) completeRequest(r *Request, d *decoded) {
	if r.Method == "" {
		c.warn("request.method is missing")
	}
	if r.URL == "" {
		c.warn("request.url is missing")
	} else if !strings.Contains(r.URL, ":") {
		c.warn("request.url is not absolute")
	}
	if _, query, _ := strings.Cut(r.URL, "?"); !d.query {
		r.QueryString = QueryString(query)
	}
	r.Headers = withCookies(r.Headers, r.Cookies)
	if r.PostData != nil {
		c.completePostData(r)
	}
}

// completeResponse derives what a response leaves out.
func (c *cursor) completeResponse(r *Response, d *decoded) {
	r.Headers = withSetCookies(r.Headers, r.Cookies)
	if !d.redirect {
		r.RedirectURL = valueOf(r.Headers, "Location")
	}
	if r.Content.MimeType == "" {
		r.Content.MimeType = valueOf(r.Headers, "Content-Type")
	}
	if d.coded {
		c.undoCoding(r)
	}
}

// valueOf returns the value of the first pair of that name, in any case.
func valueOf(pairs []Pair, name string) string {
	for i := range pairs {
		if strings.EqualFold(pairs[i].Name, name) {
			return pairs[i].Value
		}
	}
	return ""
}
