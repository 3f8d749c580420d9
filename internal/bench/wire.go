//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The exchange that the request rows repeat: a request with eight fields, as a
// browser or an SDK would send it, and 1 KiB of JSON behind eight fields.
const (
	itemPath = "/v1/items/42?expand=owner"
	itemSize = 1024
)

// itemBody is the JSON document of exactly itemSize bytes.
func itemBody() []byte {
	var b strings.Builder
	b.WriteString(`{"id":42,"name":"field notebook","owner":{"id":7,"name":"Ada"},"events":[`)
	for i := 0; b.Len() < itemSize-120; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"n":%d,"kind":"moved","from":"shelf %d","to":"shelf %d"}`, i, 3*i%17, 5*i%19)
	}
	b.WriteString(`],"note":"`)
	const tail = `"}`
	b.WriteString(strings.Repeat("x", itemSize-len(tail)-b.Len()))
	b.WriteString(tail)
	return []byte(b.String())
}

// itemRequest renders the request. target is the request target as it goes
// onto the wire: absolute for a forward proxy, else itemPath.
func itemRequest(target, host string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"User-Agent: bench/1.0 (linux)\r\n" +
		"Accept: application/json, text/plain, */*\r\n" +
		"Accept-Language: en-GB,en;q=0.8\r\n" +
		"Accept-Encoding: gzip, br\r\n" +
		"Authorization: Bearer 4f6b1c0e9a7d42d8b3c5\r\n" +
		"Referer: http://app.example/items\r\n" +
		"X-Request-Id: 01KAHQ2V7M6Q9Z4B8N3T5R1XCD\r\n\r\n")
}

// itemAnswer renders the origin's answer.
func itemAnswer() []byte {
	body := itemBody()
	return append([]byte("HTTP/1.1 200 OK\r\n"+
		"Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"+
		"Server: origin\r\n"+
		"Content-Type: application/json\r\n"+
		"Content-Length: "+strconv.Itoa(len(body))+"\r\n"+
		"Cache-Control: private, max-age=0\r\n"+
		"ETag: \"5f70bf18a086\"\r\n"+
		"Vary: Accept-Encoding\r\n"+
		"X-Response-Time: 3ms\r\n\r\n"), body...)
}

var (
	headEnd = []byte("\r\n\r\n")
	okLine  = []byte("HTTP/1.1 200 ")
)

// A checker verifies that answers are 200 with exactly the body expected. A
// head that equals the one before it is not parsed again, which keeps the
// cost of checking every answer below a microsecond. The zero value expects
// empty bodies; a checker belongs to one goroutine.
type checker struct {
	body []byte
	head []byte
}

// size returns the length of the complete answer at the start of b, or 0 if
// more bytes are needed.
func (c *checker) size(b []byte) (int, error) {
	if len(c.head) == 0 || !bytes.HasPrefix(b, c.head) {
		end := bytes.Index(b, headEnd)
		if end < 0 {
			return 0, nil
		}
		head := b[:end+len(headEnd)]
		if err := checkHead(head, len(c.body)); err != nil {
			return 0, err
		}
		c.head = append(c.head[:0], head...)
	}
	n := len(c.head) + len(c.body)
	if len(b) < n {
		return 0, nil
	}
	if !bytes.Equal(b[len(c.head):n], c.body) {
		return 0, errors.New("answer has the wrong body")
	}
	return n, nil
}

// checkHead accepts a 200 that is framed by a Content-Length of size.
func checkHead(head []byte, size int) error {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, okLine) {
		return fmt.Errorf("answer is %q", line)
	}
	for field := range bytes.SplitSeq(fields, []byte("\r\n")) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			continue
		}
		if got := string(bytes.TrimSpace(value)); got != strconv.Itoa(size) {
			return fmt.Errorf("answer has Content-Length %s, want %d", got, size)
		}
		return nil
	}
	return errors.New("answer has no Content-Length")
}
