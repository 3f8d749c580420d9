package ports

import "maps"

// savedPort is what a port is to lead to when the pool begins again.
type savedPort struct {
	Binding Binding
	// Candidate is the id of the one it was led through last, "" for none.
	Candidate string
}

// remember notes what ports in use lead to, for the state file.
func (p *Pool) remember(ports ...*port) {
	for _, one := range ports {
		p.rememberOne(one)
	}
	p.save()
}

func (p *Pool) rememberOne(one *port) {
	saved := savedPort{Binding: one.binding}
	if c := one.candidate.Load(); c != nil {
		saved.Candidate = c.ID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inUse[one.number] == one { // it may have been freed meanwhile
		p.saved[one.number] = saved
	}
}

// save lets the state file be written.
func (p *Pool) save() {
	if p.state != nil {
		p.state.changed()
	}
}

// snapshot returns what the state file is to have.
func (p *Pool) snapshot() []byte {
	p.mu.Lock()
	saved := maps.Clone(p.saved)
	p.mu.Unlock()
	return formatState(saved)
}

// saveFailed tells the user that the state is not kept.
func (p *Pool) saveFailed(err error) {
	if err != nil {
		p.log.Error("the ports will not be restored as they are", "err", err)
	}
}
