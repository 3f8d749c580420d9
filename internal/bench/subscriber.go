//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// startPublishing starts necto record with an event server that has some
// subscribers to all traffic.
func startPublishing(subscribers int) starter {
	withEvents := func(*lab, *process) []string { return []string{"--events", "127.0.0.1:0"} }
	record := startRecord(loadAbsolute, withEvents)
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		c, err := record(ctx, l, origin)
		if err != nil {
			return nil, err
		}
		for range subscribers {
			s, err := subscribe(ctx, c.eventsAddr())
			if err != nil {
				c.kill()
				return nil, err
			}
			go s.follow()
		}
		return c, nil
	}
}

// subscribe connects a Socket.IO client to the event server at addr and subscribes
// to all traffic.
func subscribe(ctx context.Context, addr string) (*subscriber, error) {
	conn, err := dialTCP(ctx, addr)
	if err != nil {
		return nil, err
	}
	s := &subscriber{conn: conn, r: bufio.NewReaderSize(conn, 4<<10)}
	if err := s.enter(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return s, nil
}

// A subscriber is the connection of a Socket.IO client.
type subscriber struct {
	conn net.Conn
	r    *bufio.Reader
}

// subscriberRequest is the handshake of a program on this machine, which needs no
// token.
const subscriberRequest = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" +
	"Host: 127.0.0.1\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: " + chatKey + "\r\n\r\n"

// enter returns when the server has acknowledged the subscription.
func (s *subscriber) enter() error {
	if _, err := io.WriteString(s.conn, subscriberRequest); err != nil {
		return err
	}
	for line := "-"; line != ""; {
		text, err := s.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
		line = strings.TrimSpace(text)
	}
	// Servers end connections that subscribe before they are told that they may.
	for _, turn := range [...]struct{ say, hear string }{
		{"40", "40{"},
		{`420["traffic:subscribe",{}]`, `430[{"ok":true`},
	} {
		if err := s.say(turn.say); err != nil {
			return err
		}
		if err := s.await(turn.hear); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
	}
	return nil
}

// await reads up to the end of the first message that begins with start.
func (s *subscriber) await(start string) error {
	for {
		length, err := s.frame()
		if err != nil {
			return err
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(s.r, text); err != nil {
			return err
		}
		if strings.HasPrefix(string(text), start) {
			return nil
		}
	}
}

// say sends a short text frame whose mask is zero.
func (s *subscriber) say(text string) error {
	_, err := s.conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
	return err
}

// follow reads to the end, and answers the pings of Engine.IO, which are the only
// messages of one byte.
func (s *subscriber) follow() {
	defer s.conn.Close()
	for {
		length, err := s.frame()
		if err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, s.r, length); err != nil {
			return
		}
		if length == 1 && s.say("3") != nil {
			return
		}
	}
}

// frame reads the head of a frame of the server and returns the length of its
// payload.
func (s *subscriber) frame() (int64, error) {
	size, _ := frameHead(nil)
	for {
		head, err := s.r.Peek(size)
		if err != nil {
			return 0, err
		}
		more, length := frameHead(head)
		if more == size {
			_, err := s.r.Discard(size)
			return int64(length), err
		}
		size = more
	}
}

// idleSubscribers is how many wait for events in the row for them.
const idleSubscribers = 500
