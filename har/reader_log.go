package har

import (
	"encoding/json"
	"fmt"
)

// Log is what a HAR says beside its entries.
type Log struct {
	// Version is that of HAR, "1.2" mostly.
	Version string
	// Creator made the file, Browser the traffic; their zero value if they are
	// not in the file.
	Creator, Browser Tool
	// Pages is the array `pages`, nil for none.
	Pages   json.RawMessage
	Comment string
	// Necto is `_necto`, what necto knows and HAR cannot say; nil for none.
	Necto json.RawMessage
	Extra []Member
}

// Tool is a program: `creator` or `browser`.
type Tool struct{ Name, Version, Comment string }

func (r *Reader) decodeLogMember(name string, raw []byte) {
	c := r.cursor(raw)
	c.number = 0
	l := &r.log
	switch name {
	case "version":
		l.Version = c.str()
	case "creator":
		c.tool("log.creator", &l.Creator)
	case "browser":
		c.tool("log.browser", &l.Browser)
	case "pages":
		l.Pages = c.raw("log.pages")
	case "comment":
		l.Comment = c.str()
	case "_necto":
		l.Necto = c.raw("log._necto")
	case "entries":
		c.warn("log.entries is no array")
	default:
		c.extra(&l.Extra, []byte(name))
	}
	if c.failed != nil {
		c.warn(fmt.Sprintf("log.%s: %v", name, c.failed))
	}
}

func (c *cursor) tool(what string, t *Tool) {
	c.object(what, func(name []byte) {
		switch string(name) {
		case "name":
			t.Name = c.str()
		case "version":
			t.Version = c.str()
		case "comment":
			t.Comment = c.str()
		default:
			c.skip()
		}
	})
}
