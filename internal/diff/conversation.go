package diff

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// said is a message of a conversation: the frames that have its content, and what
// it is told by when conversations are aligned.
type said struct {
	frames []place
	binary bool
	key    string
}

// conversation compares the messages of two WebSocket connections and how they
// were closed. Pings and pongs are a matter of time and left out.
func (c *collector) conversation(from, to *side, x, y *item) error {
	a, err := from.messages(x)
	if err != nil {
		return err
	}
	b, err := to.messages(y)
	if err != nil {
		return err
	}
	for dir := range a {
		path := at("/messages", traffic.Direction(dir).String())
		if err := c.messages(path, from, to, a[dir], b[dir]); err != nil {
			return err
		}
	}
	return c.closes(from, to, x, y)
}

// messages compares what was said in one direction.
func (c *collector) messages(path string, from, to *side, a, b []said) error {
	var failed error
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	sequence(keysOf(a), keysOf(b), func(i, j int) {
		note(c.exchanged(atIndex(path, j), from, to, &a[i], &b[j]))
	}, func(kind Kind, i int) {
		change := Change{Path: atIndex(path, i), Kind: kind}
		var err error
		if kind == Removed {
			change.From, err = from.told(&a[i])
		} else {
			change.To, err = to.told(&b[i])
		}
		note(err)
		c.add(change)
	})
	return failed
}

func keysOf(messages []said) []string {
	keys := make([]string, len(messages))
	for i := range messages {
		keys[i] = messages[i].key
	}
	return keys
}

// exchanged compares two messages that belong together.
func (c *collector) exchanged(path string, from, to *side, a, b *said) error {
	pa, err := from.content(a.frames)
	if err != nil {
		return err
	}
	pb, err := to.content(b.frames)
	if err != nil {
		return err
	}
	if a.binary || b.binary {
		c.digests(path, digestOf(pa), digestOf(pb))
	} else {
		c.content(path, pa, pb)
	}
	return nil
}

// told returns what is told of a message that only one side has.
func (s *side) told(m *said) (any, error) {
	content, err := s.content(m.frames)
	if err != nil {
		return nil, err
	}
	if m.binary || !isText(content) {
		return digestOf(content), nil
	}
	if v, ok := parseJSON(content); ok {
		return v, nil
	}
	return string(content), nil
}

// messages returns the messages of a connection in each direction. What a rule
// dropped was never said to the other side.
func (s *side) messages(i *item) ([2][]said, error) {
	var all [2][]said
	var open [2]*said
	for _, where := range i.frames {
		f, err := s.frame(where)
		if err != nil {
			return all, err
		}
		if f.Opcode.Control() || f.Dropped {
			continue
		}
		if f.Opcode != traffic.OpContinuation || open[f.Dir] == nil {
			open[f.Dir] = &said{binary: f.Opcode == traffic.OpBinary}
		}
		m := open[f.Dir]
		m.frames = append(m.frames, where)
		if !f.Fin {
			continue
		}
		content, err := s.content(m.frames)
		if err != nil {
			return all, err
		}
		m.key = m.alignment(content)
		all[f.Dir] = append(all[f.Dir], *m)
		open[f.Dir] = nil
	}
	return all, nil
}

// alignment returns what messages are aligned by: a hash, because there may be
// many of them.
func (m *said) alignment(content []byte) string {
	if !m.binary {
		content = []byte(normalize(string(content)).text)
	}
	sum := sha256.Sum256(content)
	return string(sum[:])
}

func (s *side) frame(where place) (*record.FrameEntry, error) {
	raw, err := s.read(where)
	if err != nil {
		return nil, err
	}
	return record.ParseFrame(raw)
}

// content returns the joined content of frames.
func (s *side) content(frames []place) ([]byte, error) {
	var content bytes.Buffer
	for _, where := range frames {
		f, err := s.frame(where)
		if err != nil {
			return nil, err
		}
		read, err := s.file.ReadFrame(f, nil)
		if err != nil {
			return nil, fmt.Errorf("frame %d: %w", f.N, err)
		}
		content.Write(read.Payload)
	}
	return content.Bytes(), nil
}

// closes compares how two connections ended.
func (c *collector) closes(from, to *side, x, y *item) error {
	a, err := from.end(x)
	if err != nil {
		return err
	}
	b, err := to.end(y)
	if err != nil {
		return err
	}
	if !c.presence("/close", a != nil, b != nil, codeOf(a), codeOf(b)) {
		return nil
	}
	if a.Code != b.Code {
		c.add(Change{Path: "/close/code", Kind: Changed, From: a.Code, To: b.Code})
	}
	c.text("/close/reason", a.Reason, b.Reason)
	c.text("/close/cause", a.Cause, b.Cause)
	return nil
}

// end returns how a connection ended, nil if it did not.
func (s *side) end(i *item) (*record.CloseEntry, error) {
	if i.close.length == 0 {
		return nil, nil
	}
	raw, err := s.read(i.close)
	if err != nil {
		return nil, err
	}
	return record.ParseWSClose(raw)
}

// codeOf returns what is told of an end that only one side has.
func codeOf(c *record.CloseEntry) any {
	if c == nil {
		return nil
	}
	return map[string]int{"code": c.Code}
}
