package replay

import (
	"slices"
	"sync"
)

// maxCompared is how many recorded messages are compared to find the nearest.
const maxCompared = 64

// groups has what follows each message of the client in a conversation. It is
// read from disk when the first client needs it.
type groups struct {
	once  sync.Once
	spans []span // of the messages, in order
	after map[digest][]int
}

// load reads the messages of c. Those that cannot be read, or were truncated,
// match nothing.
func (g *groups) load(c *conversation, tol *tolerance) {
	g.after = make(map[digest][]int)
	for s, ok := c.nextMessage(0); ok; s, ok = c.nextMessage(s.last + 1) {
		m, err := c.recall(s)
		if err != nil {
			continue
		}
		if d, known := m.digest(tol); known {
			g.spans = append(g.spans, s)
			g.after[d] = append(g.after[d], s.last+1)
		}
	}
}

// match answers messages by what they say.
type match struct {
	*conversation
	tolerance *tolerance
	heard     int
	served    map[digest]int // how often a message that was recorded several times came
}

// hear returns the frame from which on the message is answered, or a divergence
// if no message like it was recorded. Equal messages are answered in the order
// of the recording, and the last answer repeats.
func (m *match) hear(live wsMessage) ([]int, *Divergence) {
	m.heard++
	m.groups.once.Do(func() { m.groups.load(m.conversation, m.tolerance) })
	d, known := live.digest(m.tolerance)
	answers := m.groups.after[d]
	if !known || len(answers) == 0 {
		return nil, m.diverge(live)
	}
	if len(answers) == 1 {
		return answers, nil
	}
	if m.served == nil {
		m.served = make(map[digest]int)
	}
	i := min(m.served[d], len(answers)-1)
	m.served[d]++
	return answers[i : i+1], nil
}

// diverge compares a message with those that were recorded.
func (m *match) diverge(live wsMessage) *Divergence {
	d := &Divergence{Message: m.heard, Received: live.String()}
	nearest := -1
	for s := range slices.Values(m.groups.spans[:min(len(m.groups.spans), maxCompared)]) {
		was, err := m.recall(s)
		if err != nil {
			continue
		}
		diff := differences{tolerance: m.tolerance}
		compareMessages(&diff, was, live)
		if diff.distance > 0 && (nearest < 0 || diff.distance < nearest) {
			nearest = diff.distance
			d.Expected, d.Differs = was.String(), diff.list()
		}
	}
	return d
}
