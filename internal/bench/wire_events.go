//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What is published in the delivery rows: the entries of the same requests, with
// eight header fields each, again and again in their order. Their numbers have as
// many digits each, so that all entries have the same size.
const (
	publishedSession = "01JC4M9Z7Q3V8K2T5W6X0Y1A2B"
	publishedURL     = "https://api.example.com/v1/users?page=2"
	publishedTime    = 1_795_176_000_000 // Unix time in milliseconds
	publishedValue   = "a value of thirty-two characters"
	publishedEntries = 1000
	firstEntry       = 10_001
	numberDigits     = 5
)

// publishedFields are the header fields beside Host.
var publishedFields = []string{"X-Field-0", "X-Field-1", "X-Field-2", "X-Field-3", "X-Field-4", "X-Field-5", "X-Field-6"}

// batchEntries is how many entries a batch has at most, and has if there are as
// many.
const batchEntries = 50

// publishedEntry renders the entry with the number i, from 0, of NectoProxy's
// traffic:batch.
func publishedEntry(i int) []byte {
	var fields strings.Builder
	for _, name := range publishedFields {
		fmt.Fprintf(&fields, `,%q:%q`, strings.ToLower(name), publishedValue)
	}
	return fmt.Appendf(nil, `{"id":"%[1]s-%[2]d","sessionId":"%[1]s","timestamp":%[3]d,"method":"GET","url":"%[4]s",`+
		`"protocol":"https","host":"api.example.com","path":"/v1/users?page=2",`+
		`"requestHeaders":{"host":"api.example.com"%[5]s},"requestBody":null,"requestBodySize":0,`+
		`"status":null,"statusText":null,"responseHeaders":null,"responseBody":null,"responseBodySize":null,`+
		`"duration":null,"remoteAddress":"127.0.0.1","httpVersion":"HTTP/1.1","conn":1,"tlsVersion":null,"error":null,`+
		`"isComplete":false,"isMocked":false,"isBreakpointed":false,"isTruncated":false}`,
		publishedSession, firstEntry+i, publishedTime, publishedURL, &fields)
}

// Parts of the messages that a subscriber gets, which are packets of Socket.IO in
// packets of Engine.IO.
var (
	batchOpen  = []byte(`42["traffic:batch",[`)
	batchClose = []byte(`]]`)
	ping       = []byte("2")
)

// batchLead is what precedes the number of the first entry in a batch.
var batchLead = string(batchOpen) + `{"id":"` + publishedSession + `-`

// batches is what subscribers must get: the entries with a comma behind each, and
// those that a batch may have that begins with the last one.
type batches struct {
	text []byte
	unit int // bytes of an entry and its comma
}

func newBatches() *batches {
	var b batches
	for i := range publishedEntries + batchEntries {
		b.text = append(b.text, publishedEntry(i%publishedEntries)...)
		b.text = append(b.text, ',')
	}
	b.unit = len(b.text) / (publishedEntries + batchEntries)
	return &b
}

// batchSampling is how many batches there are for one of which every byte is
// compared: of the others it is the first entry, which has the number, and the size.
// Comparing all would cost the load as much as reading. It is a prime, so that the
// turn comes to all parts of what is said again and again.
const batchSampling = 17

// A batchReader checks what comes to a subscriber: unmasked frames of batches whose
// entries go on where the batch before ended, and pings.
type batchReader struct {
	of *batches
	// synced says that next is the number of the entry that comes next; the first
	// batch may begin with any.
	synced bool
	next   int
	// head is the beginning of a message, until it is known what must follow.
	head []byte
	// rest is what must come until the message ends, entries how many it has, and
	// batches how many there were.
	rest             []part
	parts            [4]part // in which rest is
	entries, batches int
}

// A part of a message is compared, or passed over.
type part struct {
	text    []byte
	compare bool
}

// take checks what has come next, and returns how many entries that has completed,
// batch by batch.
func (r *batchReader) take(b []byte) (entries int, err error) {
	for len(b) > 0 {
		if len(r.rest) == 0 {
			if b, err = r.begin(b); err != nil {
				return entries, err
			}
			continue
		}
		want := &r.rest[0]
		n := min(len(b), len(want.text))
		if want.compare && !bytes.Equal(b[:n], want.text[:n]) {
			return entries, differ(b[:n], want.text[:n])
		}
		b = b[n:]
		if want.text = want.text[n:]; len(want.text) > 0 {
			continue
		}
		if r.rest = r.rest[1:]; len(r.rest) == 0 {
			entries += r.entries
		}
	}
	return entries, nil
}

// differ says where got is not what was published.
func differ(got, want []byte) error {
	at := 0
	for got[at] == want[at] {
		at++
	}
	return fmt.Errorf("a message goes on with %.40q, want %.40q", got[at:], want[at:])
}

// begin takes the beginning of a message from b, as far as it is there, and returns
// what follows it.
func (r *batchReader) begin(b []byte) ([]byte, error) {
	head, length := frameHead(r.head)
	size := head
	if !r.synced && length > len(ping) {
		size += len(batchLead) + numberDigits
	}
	if missing := size - len(r.head); missing > 0 {
		n := min(missing, len(b))
		r.head = append(r.head, b[:n]...)
		if r.head[0] != finalText {
			return b, fmt.Errorf("a frame begins with %#x", r.head[0])
		}
		return b[n:], nil
	}
	lead := r.head[head:]
	r.head = r.head[:0]
	if err := r.expect(length, lead); err != nil {
		return b, err
	}
	_, err := r.take(lead)
	return b, err
}

// expect says what the message of that length must be. lead is its beginning if r is
// not synced.
func (r *batchReader) expect(length int, lead []byte) error {
	if length == len(ping) {
		r.rest, r.entries = append(r.parts[:0], part{ping, true}), 0
		return nil
	}
	if !r.synced {
		if err := r.sync(lead); err != nil {
			return err
		}
	}
	text := length - len(batchOpen) - len(batchClose)
	n := (text + 1) / r.of.unit // the last has no comma
	if n < 1 || n > batchEntries || n*r.of.unit-1 != text {
		return fmt.Errorf("a message of %d bytes is no batch of entries of %d", length, r.of.unit-1)
	}
	from := r.next * r.of.unit
	second := from + r.of.unit - 1
	r.rest = append(r.parts[:0],
		part{batchOpen, true},
		part{r.of.text[from:second], true},
		part{r.of.text[second : from+text], r.batches%batchSampling == 0},
		part{batchClose, true})
	r.batches++
	r.entries, r.next = n, (r.next+n)%publishedEntries
	return nil
}

// sync finds out what entry the batch that begins with lead begins with.
func (r *batchReader) sync(lead []byte) error {
	digits, ok := strings.CutPrefix(string(lead), batchLead)
	number, err := strconv.Atoi(digits)
	if !ok || err != nil || number < firstEntry || number >= firstEntry+publishedEntries {
		return fmt.Errorf("the first message begins with %q", lead)
	}
	r.next, r.synced = number-firstEntry, true
	return nil
}

// frameHead returns the size of the head of the unmasked frame that begins with b,
// as far as b tells, and the length of its payload, 0 if b does not tell that yet.
func frameHead(b []byte) (size, length int) {
	if len(b) < shortHead {
		return shortHead, 0
	}
	switch length = int(b[1]); length {
	case long16:
		if size = longHead; len(b) < size {
			return size, 0
		}
		return size, int(binary.BigEndian.Uint16(b[shortHead:]))
	case long64:
		if size = hugeHead; len(b) < size {
			return size, 0
		}
		return size, int(binary.BigEndian.Uint64(b[shortHead:]) & math.MaxInt32)
	}
	return shortHead, length
}
