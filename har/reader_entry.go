package har

import (
	"fmt"
	"strings"
)

// decode returns the entry that raw is, nil if it is none.
func (r *Reader) decode(raw []byte) *Entry {
	c := r.cursor(raw)
	if raw[0] != '{' {
		c.refuse("the entry", "object")
		return nil
	}
	e, d := c.entry()
	if c.failed != nil {
		c.warn(fmt.Sprintf("it is not JSON, what follows is lost: %v", c.failed))
		if e.Request.URL == "" {
			return nil
		}
	}
	c.complete(e, d)
	return e
}

// decodeBuffered is decode for the entry that is next if it is whole in the buffer:
// its end need not be looked for first. It returns nil, and leaves all as it was, if
// it is not, or if something is wrong with it.
func (r *Reader) decodeBuffered() *Entry {
	buffered := r.scan.buf[r.scan.pos:]
	if len(buffered) < r.lastLength || buffered[0] != '{' {
		return nil
	}
	warnings, more := len(r.warnings), r.more
	r.number++
	c := r.cursor(buffered)
	e, d := c.entry()
	if c.failed != nil {
		r.warnings, r.more = r.warnings[:warnings], more
		r.number--
		return nil
	}
	c.complete(e, d)
	r.lastLength = c.pos
	r.scan.pos += c.pos
	return e
}

// entry returns the entry that is next, as far as it can be read, and what is to be
// known to complete it.
func (c *cursor) entry() (*Entry, *decoded) {
	e := &Entry{Time: -1}
	e.Request.HeadersSize, e.Request.BodySize = -1, -1
	e.Response.HeadersSize, e.Response.BodySize = -1, -1
	e.Timings = Timings{Blocked: -1, DNS: -1, Connect: -1, SSL: -1}
	d := &decoded{}
	c.object("the entry", func(name []byte) { c.entryMember(e, d, name) })
	return e, d
}

// decoded is what has to be known of an entry until all of it is.
type decoded struct {
	started, request, response bool
	query, redirect            bool // there are such members
	coded                      bool // content is as it was on the wire
}

func (c *cursor) entryMember(e *Entry, d *decoded, name []byte) {
	switch string(name) {
	case "pageref":
		e.PageRef = c.word()
	case "startedDateTime":
		e.Started, d.started = c.time("startedDateTime"), true
	case "time":
		e.Time = c.float("time", -1)
	case "request":
		d.request = c.request(&e.Request, d)
	case "response":
		d.response = c.response(&e.Response, d)
	case "cache":
		e.Cache = c.raw("cache")
	case "timings":
		c.timings(&e.Timings)
	case "serverIPAddress":
		e.ServerIPAddress = strings.Trim(c.word(), "[]")
	case "connection":
		e.Connection = c.word()
	case "comment":
		e.Comment = c.str()
	default:
		c.customMember(e, name)
	}
}

// customMember takes a member that is not of HAR 1.2.
func (c *cursor) customMember(e *Entry, name []byte) {
	switch string(name) {
	case "_resourceType":
		e.ResourceType = c.word()
	case "_connectionId":
		e.ConnectionID = c.word()
	case "_serverPort":
		e.ServerPort = int(c.integer("_serverPort", 0))
	case "_securityDetails":
		c.security(e)
	case "_webSocketMessages":
		c.messages(e)
	case "_webSocketClose":
		e.WebSocketClose = c.closing("_webSocketClose")
	case "_eventSourceMessages":
		c.array("_eventSourceMessages", func() { c.event(e) })
	case "_necto":
		e.Necto = c.raw("_necto")
	default:
		c.extra(&e.Extra, name)
	}
}

func (c *cursor) timings(t *Timings) {
	c.object("timings", func(name []byte) {
		switch string(name) {
		case "blocked":
			t.Blocked = c.float("timings.blocked", -1)
		case "dns":
			t.DNS = c.float("timings.dns", -1)
		case "connect":
			t.Connect = c.float("timings.connect", -1)
		case "ssl":
			t.SSL = c.float("timings.ssl", -1)
		case "send":
			t.Send = c.float("timings.send", 0)
		case "wait":
			t.Wait = c.float("timings.wait", 0)
		case "receive":
			t.Receive = c.float("timings.receive", 0)
		case "_blocked_breakpoint":
			t.BlockedBreakpoint = c.float("timings._blocked_breakpoint", 0)
		case "comment":
			t.Comment = c.str()
		default:
			c.extra(&t.Extra, name)
		}
	})
}

func (c *cursor) security(e *Entry) {
	d := &SecurityDetails{}
	found := c.object("_securityDetails", func(name []byte) {
		switch string(name) {
		case "protocol":
			d.Protocol = c.word()
		case "subjectName":
			d.SubjectName = c.word()
		case "issuer":
			d.Issuer = c.word()
		case "validFrom":
			d.ValidFrom = c.instant("_securityDetails.validFrom")
		case "validTo":
			d.ValidTo = c.instant("_securityDetails.validTo")
		default:
			c.extra(&d.Extra, name)
		}
	})
	if found {
		e.SecurityDetails = d
	}
}

// complete derives what is missing from what is there, and warns of what has no
// substitute.
func (c *cursor) complete(e *Entry, d *decoded) {
	if !d.started {
		c.warn("startedDateTime is missing")
	}
	if e.Time < 0 {
		e.Time = e.Timings.Total()
	}
	if !d.request {
		c.warn("request is missing")
	} else {
		c.completeRequest(&e.Request, d)
	}
	if !d.response {
		c.warn("response is missing")
	}
	c.completeResponse(&e.Response, d)
	c.socketFile(e)
}
