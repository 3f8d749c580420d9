package eventclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxMessage bounds what a server may send at once, in bytes.
	maxMessage = 64 << 20
	// handshakeTime is how long a server may take until it lets a client in.
	handshakeTime = 10 * time.Second
	// writeTime is how long it may take to read what a client sends.
	writeTime = 10 * time.Second
)

var (
	// ErrRefused is wrapped by the error of Dial where the server does not let the
	// client in.
	ErrRefused = errors.New("the event server refused the connection")
	// ErrEnded is wrapped by the errors of Next and Call where the server has ended
	// the connection, or is gone.
	ErrEnded = errors.New("the event server has ended the connection")
)

// CallError is what a server answers to an event that it cannot obey.
type CallError struct {
	Event string
	// Text says why.
	Text string
}

// Error says what the server does not do, and why.
func (e *CallError) Error() string { return e.Event + ": " + e.Text }

// Options says how to connect. The zero value works.
type Options struct {
	// Token is what the server lets its bearer in by, "" for none.
	Token string
	// Namespace is whose events there are to be, "" for those of "/".
	Namespace string
}

// Client is a connection with an event server. Create it with Dial. One goroutine
// uses it at a time, but Close may be called by any.
type Client struct {
	conn *websocket.Conn
	// patience is how long nothing may come, pings included.
	patience time.Duration
	// place is what stands for the namespace in packets: nothing for "/".
	place  string
	lastID int64
	events []*Event // came while Call waited
}

// Dial connects to the event server at an address such as http://127.0.0.1:8889.
// ctx is for connecting only.
func Dial(ctx context.Context, address string, o Options) (*Client, error) {
	u, err := socketURL(address)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if o.Token != "" {
		header.Set("Authorization", "Bearer "+o.Token)
	}
	dialer := websocket.Dialer{HandshakeTimeout: handshakeTime}
	conn, response, err := dialer.DialContext(ctx, u, header)
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("%w: %s", ErrRefused, response.Status)
		}
		return nil, fmt.Errorf("connect to the event server: %w", err)
	}
	conn.SetReadLimit(maxMessage)
	c := &Client{conn: conn, patience: handshakeTime}
	if o.Namespace != "" && o.Namespace != "/" {
		c.place = o.Namespace + ","
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.enter(o)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// socketURL returns where the WebSocket of an event server is.
func socketURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("address of the event server: %w", err)
	}
	scheme, known := map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	if !known || u.Host == "" {
		return "", fmt.Errorf("address of the event server: %q is not http://host:port", address)
	}
	u.Scheme, u.Path, u.RawQuery = scheme, "/socket.io/", "EIO=4&transport=websocket"
	u.Fragment, u.User = "", nil
	return u.String(), nil
}

// enter goes through the handshakes of Engine.IO and Socket.IO.
func (c *Client) enter(o Options) error {
	open, err := c.read()
	if err != nil {
		return err
	}
	// PingInterval and PingTimeout are in milliseconds.
	var settings struct{ PingInterval, PingTimeout int64 }
	if open[0] != engineOpen || json.Unmarshal(open[1:], &settings) != nil {
		return fmt.Errorf("%w: no Engine.IO handshake", ErrRefused)
	}
	auth, err := json.Marshal(map[string]string{"token": o.Token})
	if err != nil {
		return err
	}
	if err := c.write("40" + c.place + string(auth)); err != nil {
		return err
	}
	p, err := c.readPacket()
	switch {
	case err != nil:
		return err
	case p.kind == typeConnect:
		c.patience = time.Duration(settings.PingInterval+settings.PingTimeout) * time.Millisecond
		return nil
	case p.kind == typeConnectError:
		var reason struct{ Message string }
		_ = json.Unmarshal(p.data, &reason) // without one it is refused all the same
		return fmt.Errorf("%w: %s", ErrRefused, reason.Message)
	default:
		return fmt.Errorf("%w: no Socket.IO handshake", ErrRefused)
	}
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Emit sends an event with one argument, which is marshalled as JSON.
func (c *Client) Emit(name string, arg any) error { return c.emit("", name, arg) }

// Call sends an event with one argument, waits for the acknowledgement {ok, error,
// result} of necto's event server, and returns the result as JSON. The error may be
// a *CallError. Events that come meanwhile are what Next returns next.
func (c *Client) Call(name string, arg any) (json.RawMessage, error) {
	c.lastID++
	id := c.lastID
	if err := c.emit(strconv.FormatInt(id, 10), name, arg); err != nil {
		return nil, err
	}
	for {
		p, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		if p.kind == typeAck && p.id == id {
			return answer(name, p.data)
		}
		e, err := c.eventOf(p)
		if err != nil {
			return nil, err
		}
		if e != nil {
			c.events = append(c.events, e)
		}
	}
}

// answer reads an acknowledgement.
func answer(name string, data []byte) (json.RawMessage, error) {
	var answers []struct {
		OK     bool            `json:"ok"`
		Error  string          `json:"error"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(data, &answers); err != nil || len(answers) == 0 {
		return nil, fmt.Errorf("%w: answer to %s", errPacket, name)
	}
	if !answers[0].OK {
		return nil, &CallError{Event: name, Text: answers[0].Error}
	}
	return answers[0].Result, nil
}

// Next waits for the next event.
func (c *Client) Next() (*Event, error) {
	if len(c.events) > 0 {
		e := c.events[0]
		c.events = c.events[1:]
		return e, nil
	}
	for {
		p, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		if e, err := c.eventOf(p); e != nil || err != nil {
			return e, err
		}
	}
}

// eventOf returns the event that a packet is, with its attachments, nil for none.
func (c *Client) eventOf(p packet) (*Event, error) {
	switch p.kind {
	case typeEvent, typeBinaryEvent:
	case typeDisconnect:
		return nil, ErrEnded
	default:
		return nil, nil
	}
	e, err := p.event()
	if err != nil {
		return nil, err
	}
	for range p.attachments {
		data, err := c.readBinary()
		if err != nil {
			return nil, err
		}
		e.Attachments = append(e.Attachments, data)
	}
	return e, nil
}

// readPacket returns the next Socket.IO packet. It answers pings.
func (c *Client) readPacket() (packet, error) {
	for {
		text, err := c.read()
		if err != nil {
			return packet{}, err
		}
		switch text[0] {
		case engineMessage:
			return parsePacket(text[1:], c.place)
		case enginePing:
			if err := c.write(string(enginePong) + string(text[1:])); err != nil {
				return packet{}, err
			}
		case engineClose:
			return packet{}, ErrEnded
		}
	}
}

// read returns the next text message, which is not empty.
func (c *Client) read() ([]byte, error) {
	kind, data, err := c.readMessage()
	if err == nil && (kind != websocket.TextMessage || len(data) == 0) {
		err = fmt.Errorf("%w: no text", errPacket)
	}
	return data, err
}

func (c *Client) readBinary() ([]byte, error) {
	kind, data, err := c.readMessage()
	if err == nil && kind != websocket.BinaryMessage {
		err = fmt.Errorf("%w: attachment is missing", errPacket)
	}
	return data, err
}

func (c *Client) readMessage() (kind int, data []byte, err error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, nil, ended(err)
	}
	kind, data, err = c.conn.ReadMessage()
	if err != nil {
		return 0, nil, ended(err)
	}
	return kind, data, nil
}

// emit sends an event. id is that of the acknowledgement it asks for, "" for none.
func (c *Client) emit(id, name string, arg any) error {
	data, err := json.Marshal([]any{name, arg})
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return c.write("42" + c.place + id + string(data))
}

func (c *Client) write(text string) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return ended(err)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		return ended(err)
	}
	return nil
}

// ended says that the connection has ended, and by what if there is more to say.
func ended(err error) error {
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) ||
		strings.HasSuffix(err.Error(), "unexpected EOF") {
		return ErrEnded
	}
	return fmt.Errorf("%w: %w", ErrEnded, err)
}
