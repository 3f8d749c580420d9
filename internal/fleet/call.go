package fleet

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// callPatience is how long another node may take to answer.
const callPatience = 5 * time.Second

var (
	errNoAnswer = errors.New("the node that holds it does not answer")
	errGone     = errors.New("the node that holds it is gone")
	errCannot   = errors.New("the node has nothing of the kind")
)

// calls are what other nodes were asked and have not answered.
type calls struct {
	mu      sync.Mutex // guards what follows
	waiting map[string]call
	ended   bool
}

// call is one of them.
type call struct {
	to     uint64
	answer chan error // has room for one
}

// begin returns the id of a new call, and what its answer comes from.
func (c *calls) begin(to uint64) (id string, answer <-chan error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, one := rand.Text(), call{to: to, answer: make(chan error, 1)}
	if c.ended {
		one.answer <- errGone
		return id, one.answer
	}
	if c.waiting == nil {
		c.waiting = map[string]call{}
	}
	c.waiting[id] = one
	return id, one.answer
}

// finish ends a call, if it has not ended.
func (c *calls) finish(id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one, ok := c.waiting[id]; ok {
		delete(c.waiting, id)
		one.answer <- err
	}
}

func (c *calls) answer(m *message) {
	var err error
	if m.Error != "" {
		err = errors.New(m.Error)
	}
	c.finish(m.Call, err)
}

// gone ends the calls of a node that is gone.
func (c *calls) gone(node uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, one := range c.waiting {
		if one.to == node {
			delete(c.waiting, id)
			one.answer <- errGone
		}
	}
}

// end ends all calls, also those to come.
func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for id, one := range c.waiting {
		delete(c.waiting, id)
		one.answer <- errGone
	}
}

// ask asks another node and waits for its answer.
func (s *Space) ask(to uint64, m *message) error {
	id, answer := s.calls.begin(to)
	m.To, m.Call = to, id
	s.out.put(m)
	timer := time.AfterFunc(callPatience, func() { s.calls.finish(id, errNoAnswer) })
	defer timer.Stop()
	return <-answer
}

// owner returns the node that a number is of, 0 for this one, and the number there.
func owner(id uint64) (node, there uint64) {
	return id >> traffic.NodeShift, id & (1<<traffic.NodeShift - 1)
}

// Resume ends a hit of any node. It waits for the answer of that.
func (s *Space) Resume(id traffic.HitID, r traffic.Resume) error {
	node, there := owner(uint64(id))
	if node == 0 || node == s.number {
		return s.resume(there, r)
	}
	return s.ask(node, &message{Kind: kindResume, ID: there, Resume: &r})
}

func (s *Space) resume(id uint64, r traffic.Resume) error {
	if s.opts.Breakpoints == nil {
		return errCannot
	}
	return s.opts.Breakpoints.Resume(traffic.HitID(id), r)
}

// Inject sends a frame on a connection of any node. It waits for the answer of that.
func (s *Space) Inject(id traffic.ExchangeID, i traffic.Injection) error {
	node, there := owner(uint64(id))
	if node == 0 || node == s.number {
		return s.inject(there, i)
	}
	return s.ask(node, &message{Kind: kindInject, ID: there, Inject: &i})
}

func (s *Space) inject(id uint64, i traffic.Injection) error {
	if s.opts.Frames == nil {
		return errCannot
	}
	return s.opts.Frames.Inject(traffic.ExchangeID(id), i)
}

// obey does what another node asks for, and answers. It does not keep the caller, and
// nobody waits for it: a connection may take its time for a frame, and its end is what
// ends that.
func (s *Space) obey(from uint64, m *message) {
	var err error
	if m.Kind == kindResume {
		err = s.resume(m.ID, *m.Resume)
	} else {
		err = s.inject(m.ID, *m.Inject)
	}
	answer := &message{Kind: kindAnswer, To: from, Call: m.Call}
	if err != nil {
		answer.Error = err.Error()
	}
	s.out.put(answer)
}

// greet asks the other nodes to introduce themselves.
func (s *Space) greet() {
	s.out.put(&message{Kind: kindHello, Session: s.opts.Session, Name: s.opts.Name})
}

// introduce tells the other nodes who this is, and what it holds.
func (s *Space) introduce() {
	s.out.put(&message{Kind: kindHere, Session: s.opts.Session, Name: s.opts.Name})
	s.held.each(s.noteHit)
}
