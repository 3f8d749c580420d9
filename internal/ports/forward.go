package ports

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/oklog/ulid/v2"
)

// ErrRequestID says that a request has an id that events cannot have.
var ErrRequestID = errors.New("a request id has at most 200 letters, digits and signs, and no colon")

// maxRequestID is how long the id of a request may be, in bytes.
const maxRequestID = 200

// Request asks for ports to be put to use.
type Request struct {
	// ID is what events about it have; "" is one made for it.
	ID string
	// Ports are those it is about; none are all, or as many as Count says, which are
	// then free ones.
	Ports []int
	Count int
	// OnlyFree leaves alone what is in use, which otherwise is led elsewhere.
	OnlyFree bool
	// Any leads ports that have no binding through any candidate; otherwise they are
	// left out.
	Any bool
	// Labels, if not nil, lead through candidates that have them, whatever the
	// bindings say.
	Labels Labels
}

// Result is what became of a Request.
type Result struct {
	RequestID string
	// Ports are in use and online.
	Ports []int
	// Errors are about the others. There is at least one if there are no Ports.
	Errors []*OpenError
}

// checkRequestID returns id, or one made for a request without.
func checkRequestID(id string) (string, error) {
	if id == "" {
		return ulid.Make().String(), nil
	}
	if len(id) > maxRequestID || strings.ContainsRune(id, ':') || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", ErrRequestID
	}
	return id, nil
}

// Forward puts ports to use, and returns when what is behind each was tried. A port
// with nobody behind it is free then. Told are the ports that are online, then a
// proxyError for each error and, if there are Ports, forwardListCompleted. The error is
// ErrRequestID, with which nothing is told.
func (p *Pool) Forward(ctx context.Context, r Request) (Result, error) {
	id, err := checkRequestID(r.ID)
	if err != nil {
		return Result{}, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	todo, result := p.plan(&r)
	result.RequestID = id
	most := len(todo)
	if r.Count > 0 {
		most = r.Count
	}
	for len(todo) > 0 && len(result.Ports) < most && ctx.Err() == nil && p.life.Err() == nil {
		n := min(most-len(result.Ports), len(todo))
		p.forward(ctx, todo[:n], &result)
		todo = todo[n:]
	}
	if len(result.Ports) < r.Count || len(result.Ports)+len(result.Errors) == 0 {
		result.Errors = append(result.Errors, &OpenError{Code: CodeNoPort})
	}
	p.complete(&result)
	return result, nil
}

// complete tells how a request has ended.
func (p *Pool) complete(r *Result) {
	slices.Sort(r.Ports)
	for _, err := range r.Errors {
		p.events.add(failed(r.RequestID, err))
	}
	if len(r.Ports) > 0 {
		p.events.add(Event{ForwardListCompleted, r.RequestID})
	}
	p.events.flush()
}

// plan returns what a request is to lead where, and the errors about ports that are
// none of the pool.
func (p *Pool) plan(r *Request) (todo []Binding, result Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	numbers := slices.Compact(slices.Sorted(slices.Values(r.Ports)))
	if len(numbers) == 0 {
		numbers = p.usable(r)
	}
	for _, number := range numbers {
		if !p.ports.Has(number) {
			result.Errors = append(result.Errors, &OpenError{Code: CodeInvalid, Port: number})
			continue
		}
		if p.inUse[number] != nil && (r.OnlyFree || r.Count > 0) {
			continue
		}
		if b, ok := p.bindingFor(number, r); ok {
			todo = append(todo, b)
		}
	}
	return todo, result
}

// usable returns the ports that a request may be about which names none. p.mu is held.
func (p *Pool) usable(r *Request) []int {
	if r.Labels == nil && !r.Any {
		return slices.Sorted(maps.Keys(p.bindings))
	}
	numbers := make([]int, p.ports.Count)
	for i := range numbers {
		numbers[i] = p.ports.Start + i
	}
	return numbers
}

// bindingFor returns what a request leads a port to, false for nothing. p.mu is held.
func (p *Pool) bindingFor(number int, r *Request) (Binding, bool) {
	b, configured := p.bindings[number]
	switch {
	case r.Labels != nil:
		return Binding{Port: number, Labels: r.Labels}, true
	case !configured:
		return Binding{Port: number, Labels: Labels{}}, r.Any
	}
	return b, true
}

// forward leads ports where they are to lead, all at the same time.
func (p *Pool) forward(ctx context.Context, todo []Binding, result *Result) {
	var opened []*port
	for _, b := range todo {
		one, err := p.replace(ctx, opening{binding: b})
		if err != nil {
			result.Errors = append(result.Errors, err)
			continue
		}
		opened = append(opened, one)
	}
	awaitTried(opened)
	for _, one := range opened {
		if err := p.keep(one); err != nil {
			result.Errors = append(result.Errors, err)
			continue
		}
		result.Ports = append(result.Ports, one.number)
	}
}

// replace opens a port in the place of what it is used for now. If it cannot be opened
// it is free then, which is told.
func (p *Pool) replace(ctx context.Context, o opening) (*port, *OpenError) {
	old := p.get(o.binding.Port)
	if old != nil {
		p.remove(old)
		o.replaces = true
	}
	one, err := p.open(ctx, o)
	if err != nil && old != nil {
		p.forget(old.number)
	}
	return one, err
}

// forget tells that a port is free now. One that is free because the pool is being
// closed is to be what it was when that begins again.
func (p *Pool) forget(number int) {
	if p.life.Err() != nil {
		return
	}
	p.mu.Lock()
	delete(p.saved, number)
	p.mu.Unlock()
	p.save()
	p.tell(portEvent(PortRemoved, number))
}

// keep keeps a port that was opened and tried, or frees it if nobody is behind it.
func (p *Pool) keep(one *port) *OpenError {
	if online, err := one.isOnline(); !online {
		p.remove(one)
		if one.replaces {
			p.forget(one.number)
		}
		return &OpenError{Code: CodeDial, Port: one.number, Err: p.unlessClosed(err)}
	}
	p.remember(one)
	return nil
}

// ErrUnknownCandidate says that there is no candidate of an id.
var ErrUnknownCandidate = errors.New("there is no such candidate")

// Lead leads one port through the candidate of an id, with what its binding says of
// candidates if it does. The id of the request is the candidate's if it is "". Told is
// what Forward tells. The error is ErrRequestID or ErrUnknownCandidate, with which
// nothing is told.
func (p *Pool) Lead(ctx context.Context, requestID string, number int, candidateID string) (Result, error) {
	c := p.candidate(candidateID)
	if c == nil {
		return Result{}, ErrUnknownCandidate
	}
	if requestID == "" {
		requestID = candidateID
	}
	p.mu.Lock()
	b := p.bindings[number]
	p.mu.Unlock()
	if b.Labels == nil || !b.Labels.match(c) {
		b = Binding{Labels: Labels{}}
	}
	b.Port = number
	return p.one(requestID, number, func() *OpenError {
		if one := p.get(number); one != nil && one.binding.Labels != nil && one.binding.Labels.match(c) {
			return p.lead(ctx, one, c)
		}
		return p.forwardOne(ctx, opening{binding: b, first: c, only: true})
	})
}

// Bind leads one port to what a binding says. Told is what Forward tells. The error is
// ErrRequestID, with which nothing is told.
func (p *Pool) Bind(ctx context.Context, requestID string, number int, b Binding) (Result, error) {
	b.Port = number
	return p.one(requestID, number, func() *OpenError { return p.forwardOne(ctx, opening{binding: b}) })
}

// one does what a request asks for that is about one port.
func (p *Pool) one(requestID string, number int, do func() *OpenError) (Result, error) {
	id, err := checkRequestID(requestID)
	if err != nil {
		return Result{}, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	result := Result{RequestID: id}
	failure := &OpenError{Code: CodeInvalid, Port: number}
	if p.Range().Has(number) {
		failure = do()
	}
	if failure != nil {
		result.Errors = []*OpenError{failure}
	} else {
		result.Ports = []int{number}
	}
	p.complete(&result)
	return result, nil
}

// forwardOne leads one port where it is to lead.
func (p *Pool) forwardOne(ctx context.Context, o opening) *OpenError {
	one, err := p.replace(ctx, o)
	if err != nil {
		return err
	}
	awaitTried([]*port{one})
	return p.keep(one)
}
