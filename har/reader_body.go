package har

import (
	"bytes"
	"fmt"
	"strings"
)

// rawBody is content as a HAR has it.
type rawBody struct {
	text     []byte // nil for none
	encoding string
	// binary is Polly's `_isBinary`.
	binary bool
}

// content reports whether it is as it was on the wire, which is for completeResponse
// to change.
func (c *cursor) content(to *Content) (coded bool) {
	var raw rawBody
	size := int64(-1)
	c.object("content", func(name []byte) {
		switch string(name) {
		case "size":
			size = c.integer("content.size", -1)
		case "compression":
			to.Compression = c.integer("content.compression", 0)
		case "mimeType":
			to.MimeType = c.word()
		case "text":
			raw.text = c.text()
		case "encoding":
			raw.encoding = c.word()
		case "comment":
			to.Comment = c.str()
		case "_file":
			to.File = c.str()
		case "_truncated":
			to.Truncated = c.flag()
		case "_isBinary":
			raw.binary = c.flag()
		default:
			c.extra(&to.Extra, name)
		}
	})
	if chunks, ok := pollyChunks(raw); ok {
		to.Body, coded = Body{Data: chunks, Base64: true}, true
	} else {
		c.body("content.text", raw, &to.Body)
	}
	if length := c.file("content", to.File, &to.Body); size < 0 {
		size = length
	}
	if to.Body.Data != nil && !to.Truncated {
		size = int64(len(to.Body.Data)) // some write the encoded size
	}
	to.Size = max(size, 0)
	return coded
}

func (c *cursor) postData(r *Request) {
	if c.peek() == '"' { // some write nothing but the text
		r.PostData = &PostData{Body: Body{Data: c.text()}}
		return
	}
	p := &PostData{}
	var raw rawBody
	members := 0
	found := c.object("postData", func(name []byte) {
		members++
		switch string(name) {
		case "mimeType":
			p.MimeType = c.word()
		case "params":
			c.array("postData.params", func() { c.param(p) })
		case "text":
			raw.text = c.text()
		case "encoding", "_encoding":
			raw.encoding = c.word()
		case "comment":
			p.Comment = c.str()
		case "_file":
			p.File = c.str()
		case "_truncated":
			p.Truncated = c.flag()
		default:
			c.extra(&p.Extra, name)
		}
	})
	if !found || members == 0 {
		return
	}
	c.body("postData.text", raw, &p.Body)
	c.file("postData", p.File, &p.Body)
	r.PostData = p
}

func (c *cursor) param(p *PostData) {
	var m Param
	found := c.object("postData.params", func(name []byte) {
		switch string(name) {
		case "name":
			m.Name = c.word()
		case "value":
			m.Value = c.str()
		case "fileName":
			m.FileName = c.str()
		case "contentType":
			m.ContentType = c.word()
		case "comment":
			m.Comment = c.str()
		default:
			c.extra(&m.Extra, name)
		}
	})
	if found {
		p.Params = append(p.Params, m)
	}
}

// body decodes content. What is said to be base64 and is not, is text.
func (c *cursor) body(what string, raw rawBody, to *Body) {
	to.Data = raw.text
	if raw.text == nil {
		return
	}
	switch strings.ToLower(raw.encoding) {
	case "base64":
		data, err := decodeBase64(raw.text)
		if err != nil {
			c.warn(fmt.Sprintf("%s is not base64, it is taken as text", what))
			return
		}
		to.Data, to.Base64 = data, true
	case "", "utf-8", "utf8", "plain", "text":
	default:
		c.warn(fmt.Sprintf("%s has the encoding %.40q, it is taken as it is", what, raw.encoding))
	}
}

// file makes content that is in another file the content of to, which has none,
// and returns its length; -1 if there is none.
func (c *cursor) file(what, name string, to *Body) int64 {
	if name == "" || to.Present() {
		return -1
	}
	open, size, err := c.r.files.content(name)
	if err != nil {
		c.warn(fmt.Sprintf("%s._file %q: %v", what, name, err))
		return -1
	}
	to.Source = open
	return size
}

// completePostData makes the content out of the fields of the form if they are
// all there is.
func (c *cursor) completePostData(r *Request) {
	p := r.PostData
	if p.MimeType == "" {
		p.MimeType = valueOf(r.Headers, "Content-Type")
	}
	if len(p.Params) == 0 || p.Body.Source != nil || len(bytes.TrimSpace(p.Body.Data)) > 0 {
		return
	}
	content, why := formContent(p)
	if why != "" {
		c.warn("postData has only params, which cannot be made content: " + why)
		return
	}
	p.Body = Body{Data: content}
}
