package ports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// Options says what a Pool is made of.
type Options struct {
	// Config is what its ports are and lead to.
	Config Config
	// Opener opens listeners.
	Opener Opener
	// State is the path of the file that keeps what the ports lead to; "" for none.
	State string
	// Events is told what becomes of the ports, one event at a time. It returns
	// quickly and does not call the Pool. nil is told nothing.
	Events func(Event)
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// Pool is ports that lead somewhere. Create it with New. Its methods may be called
// concurrently; those that change what is in use wait for each other.
type Pool struct {
	config Config
	opener Opener
	events emitter
	log    *slog.Logger
	state  *state // nil for none
	// life is the context of what the ports do by themselves, which Close ends.
	life    context.Context
	die     context.CancelFunc
	running sync.WaitGroup

	changing sync.Mutex // held by methods that change what is in use

	mu       sync.Mutex // guards the fields below
	ports    Range
	bindings map[int]Binding // what ports are to lead to when they are put to use
	inUse    map[int]*port
	saved    map[int]savedPort // what is to be in use, now or after a restore
}

// New returns a Pool with no port in use.
func New(o Options) *Pool {
	p := &Pool{
		config: o.Config, opener: o.Opener, events: emitter{tell: o.Events}, log: o.Log, ports: o.Config.Range,
		bindings: map[int]Binding{}, inUse: map[int]*port{}, saved: map[int]savedPort{},
	}
	if p.events.tell == nil {
		p.events.tell = func(Event) {}
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	for _, b := range o.Config.Bindings {
		p.bindings[b.Port] = b
	}
	p.life, p.die = context.WithCancel(context.Background())
	if o.State != "" {
		p.state = newState(o.State)
	}
	return p
}

// Start puts to use the ports that have a binding, and those that the state file has,
// and returns when their listeners are open. What cannot be opened is logged and may
// be tried again with Restore; what cannot be reached is offline. With a state file
// restoreDone is told once all were tried. The error is of reading the state file: a
// *StateError if that is damaged, with which the Pool goes on as far as it can. With
// any other no port is in use, and the file stays as it is.
func (p *Pool) Start(ctx context.Context) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	err := p.load()
	if _, damaged := errors.AsType[*StateError](err); err != nil && !damaged {
		return err
	}
	p.mu.Lock()
	for number, b := range p.bindings {
		p.saved[number] = savedPort{Binding: b, Candidate: p.saved[number].Candidate}
	}
	p.mu.Unlock()
	opened := p.openSaved(ctx)
	if p.state != nil {
		p.running.Go(func() { p.state.run(p.life, p.snapshot, p.saveFailed) })
		p.running.Go(func() {
			awaitTried(opened)
			p.remember(opened...)
			p.tell(Event{Type: RestoreDone})
		})
	}
	return err
}

// load reads the state file, if there is to be one.
func (p *Pool) load() error {
	if p.state == nil {
		return nil
	}
	saved, err := p.state.load()
	p.mu.Lock()
	defer p.mu.Unlock()
	for number, one := range saved {
		if p.inUse[number] == nil { // else somebody has put it to use before Start
			p.saved[number] = one
		}
	}
	return err
}

// ErrClosed says that the Pool was closed meanwhile.
var ErrClosed = errors.New("the ports are being closed")

// unlessClosed returns err, or ErrClosed if that is the reason.
func (p *Pool) unlessClosed(err error) error {
	if p.life.Err() != nil {
		return ErrClosed
	}
	return err
}

// Close ends what ports do by themselves, and writes the state file. It closes no
// listeners, which end with what opened them, and ports tell no more events. A method
// that puts ports to use ends with those that were reached until then. The others fail
// with ErrClosed, and are saved as what they were.
func (p *Pool) Close() error {
	p.die()
	p.changing.Lock()
	defer p.changing.Unlock()
	p.running.Wait()
	for _, one := range p.all() {
		one.hush()
		one.meter.drain(one.listener.Release)
	}
	if p.state == nil {
		return nil
	}
	return p.state.write(p.snapshot())
}

// Range returns which ports there are.
func (p *Pool) Range() Range {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ports
}

// ErrNotInUse is wrapped by errors about ports that lead nowhere.
var ErrNotInUse = errors.New("it is not in use")

func notInUse(number int) error { return fmt.Errorf("port %d: %w", number, ErrNotInUse) }

// Remove frees a port, and tells so. The error wraps ErrNotInUse.
func (p *Pool) Remove(number int) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	one := p.inUse[number]
	_, saved := p.saved[number]
	delete(p.saved, number) // also one that could not be restored
	p.mu.Unlock()
	if saved {
		p.save()
	}
	if one == nil {
		return notInUse(number)
	}
	p.remove(one)
	p.tell(portEvent(PortRemoved, number))
	return nil
}

// remove frees a port and tells nothing.
func (p *Pool) remove(one *port) {
	one.close()
	p.mu.Lock()
	delete(p.inUse, one.number)
	p.mu.Unlock()
}

// SetRange changes which ports there are. Those in use that are none of them any more
// are freed, which is told before the change is.
func (p *Pool) SetRange(start, count int) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	next := Range{Start: start, Count: count, Format: p.Range().Format}
	if err := next.Check(); err != nil {
		return err
	}
	if next == p.Range() {
		return nil
	}
	for _, one := range p.all() {
		if !next.Has(one.number) {
			p.remove(one)
			p.tell(portEvent(PortRemoved, one.number))
		}
	}
	p.mu.Lock()
	p.ports = next
	maps.DeleteFunc(p.saved, func(number int, _ savedPort) bool { return !next.Has(number) })
	p.mu.Unlock()
	p.save()
	p.tell(Event{SettingPortChange, next.String()})
	return nil
}

// SetBinding says what a port is to lead to when it is put to use from now on; what it
// leads to now stays. Only the ports file keeps bindings.
func (p *Pool) SetBinding(number int, b Binding) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ports.Has(number) {
		return fmt.Errorf("port %d is none of %s", number, p.ports)
	}
	b.Port = number
	p.bindings[number] = b
	return nil
}

// Test probes ports, and returns which of them are online. Those that are not in use
// are not.
func (p *Pool) Test(ctx context.Context, numbers []int) map[int]bool {
	tested := make(map[int]*port, len(numbers))
	for _, number := range numbers {
		tested[number] = p.get(number)
	}
	var testing sync.WaitGroup
	for _, one := range tested {
		if one != nil {
			testing.Go(func() { one.probe(ctx) })
		}
	}
	testing.Wait()
	online := make(map[int]bool, len(tested))
	for number, one := range tested {
		if one != nil {
			online[number], _ = one.isOnline()
		}
	}
	return online
}

// get returns a port in use, nil if it is not.
func (p *Pool) get(number int) *port {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inUse[number]
}

// all returns the ports in use in their order.
func (p *Pool) all() []*port {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.inUse), func(a, b *port) int { return a.number - b.number })
}

// tell tells events.
func (p *Pool) tell(events ...Event) {
	for _, e := range events {
		p.events.add(e)
	}
	p.events.flush()
}

// debug tells what the pool does, where that was asked for.
func (p *Pool) debug(format string, args ...any) {
	if p.config.Debug {
		p.tell(Event{Log, fmt.Sprintf(format, args...)})
	}
}

// awaitTried waits until what is behind the ports was tried once.
func awaitTried(opened []*port) {
	for _, one := range opened {
		<-one.tried
	}
}
