package har

import (
	"fmt"
	"io"
	"iter"
	"path"

	"github.com/necto-dev/necto/traffic"
)

// messages reads the messages of a WebSocket connection.
func (c *cursor) messages(e *Entry) {
	all := []Message{}
	c.array("_webSocketMessages", func() {
		var m Message
		switch c.message(&m) {
		case isMessage:
			all = append(all, m)
		case isFailure:
			e.Response.Error = string(m.Body.Data)
		case isNothing:
		}
	})
	e.WebSocketMessages = Messages(all)
}

// kind is what an element of `_webSocketMessages` is.
type kind int

const (
	isNothing kind = iota
	isMessage
	isFailure // of the connection, as Chrome has it among the messages
)

func (c *cursor) message(m *Message) kind {
	var raw rawBody
	var direction string
	opcode := int64(traffic.OpText)
	found := c.object("_webSocketMessages", func(name []byte) {
		switch string(name) {
		case "type":
			direction = c.word()
		case "time":
			m.Time = c.instant("_webSocketMessages.time")
		case "opcode":
			opcode = c.integer("_webSocketMessages.opcode", opcode)
		case "data":
			raw.text = c.text()
		case "_encoding", "encoding":
			raw.encoding = c.word()
		default:
			c.customMessageMember(m, name)
		}
	})
	if !found {
		return isNothing
	}
	if direction == "error" {
		m.Body.Data = raw.text
		return isFailure
	}
	m.Dir = c.direction(direction)
	if m.Opcode = traffic.Opcode(opcode); opcode < 0 || opcode > 15 {
		c.warn(fmt.Sprintf("_webSocketMessages.opcode is %d, it is taken as text", opcode))
		m.Opcode = traffic.OpText
	}
	if m.Opcode != traffic.OpText {
		raw.encoding = "base64"
	}
	c.body("_webSocketMessages.data", raw, &m.Body)
	m.Body.Base64 = false // which the opcode says
	return isMessage
}

// customMessageMember takes a member that Chrome does not write.
func (c *cursor) customMessageMember(m *Message, name []byte) {
	switch string(name) {
	case "_fragments":
		m.Fragments = int(c.integer("_webSocketMessages._fragments", 0))
	case "_truncated":
		m.Truncated = c.flag()
	case "_close":
		m.Close = c.closing("_webSocketMessages._close")
	case "_necto":
		m.Necto = c.raw("_webSocketMessages._necto")
	default:
		c.extra(&m.Extra, name)
	}
}

func (c *cursor) direction(s string) traffic.Direction {
	switch s {
	case "send", "sent", "request":
		return traffic.ClientToServer
	case "receive", "received", "response":
	default:
		c.warn(fmt.Sprintf("_webSocketMessages.type is %.40q, it is taken as receive", s))
	}
	return traffic.ServerToClient
}

// closing returns how a connection ended, nil if that is not said.
func (c *cursor) closing(what string) *Close {
	var end Close
	found := c.object(what, func(name []byte) {
		switch string(name) {
		case "code":
			end.Code = int(c.integer(what+".code", 0))
		case "reason":
			end.Reason = c.str()
		case "timestamp", "time":
			end.Time = c.instant(what + ".timestamp")
		default:
			c.skip()
		}
	})
	if !found {
		return nil
	}
	return &end
}

func (c *cursor) event(e *Entry) {
	var v Event
	found := c.object("_eventSourceMessages", func(name []byte) {
		switch string(name) {
		case "time":
			v.Time = c.instant("_eventSourceMessages.time")
		case "eventName":
			v.Name = c.word()
		case "eventId":
			v.ID = c.str()
		case "data":
			v.Data = c.str()
		default:
			c.extra(&v.Extra, name)
		}
	})
	if found {
		e.EventSourceMessages = append(e.EventSourceMessages, v)
	}
}

// socketFile takes the messages of a WebSocket connection from the file that
// should be the content of its response: that is where Playwright puts them if it
// attaches content, one message a line.
func (c *cursor) socketFile(e *Entry) {
	content := &e.Response.Content
	if e.WebSocketMessages != nil || content.Body.Source == nil || !e.opensSocket() && e.ResourceType != "websocket" {
		return
	}
	if path.Ext(content.File) == ".jsonl" {
		e.WebSocketMessages = lines(content.Body.Source)
		content.Body, content.File, content.Size = Body{}, "", 0
	}
}

// lines returns an iterator over the messages of a file. A file that was cut ends
// with the last that is whole.
func lines(open func() (io.ReadCloser, error)) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		file, err := open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = file.Close() }() // it was only read
		s := newScanner(file)
		for s.peek() != 0 {
			raw, err := s.value()
			if err != nil {
				if !truncated(err) {
					yield(nil, fmt.Errorf("read messages: %w", err))
				}
				return
			}
			var m Message
			c := new(Reader).cursor(raw)
			if c.message(&m) == isMessage && !yield(&m, nil) {
				return
			}
		}
		if !truncated(s.err) {
			yield(nil, fmt.Errorf("read messages: %w", s.err))
		}
	}
}
