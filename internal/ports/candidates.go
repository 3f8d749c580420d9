package ports

import "slices"

// maxAlternatives is how many candidates are tried at once, one after the other.
const maxAlternatives = 5

// candidate returns the candidate with an id, nil if there is none.
func (p *Pool) candidate(id string) *Candidate {
	i := slices.IndexFunc(p.config.Candidates, func(c Candidate) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &p.config.Candidates[i]
}

// firstCandidate returns the candidate with the labels that the fewest ports are led
// through, the first of several; nil if there is none.
func (p *Pool) firstCandidate(labels Labels) *Candidate {
	if found := p.candidatesBehind(-1, labels); len(found) > 0 {
		return found[0]
	}
	return nil
}

// alternatives returns the candidates that a port may be led through in place of its
// own: those that the fewest ports are led through first, and among them those that
// come next.
func (p *Pool) alternatives(one *port) []*Candidate {
	current := one.candidate.Load()
	if current == nil {
		return nil
	}
	at := slices.IndexFunc(p.config.Candidates, func(c Candidate) bool { return c.ID == current.ID })
	found := p.candidatesBehind(at, one.binding.Labels)
	found = slices.DeleteFunc(found, func(c *Candidate) bool { return c == current })
	return found[:min(len(found), maxAlternatives)]
}

// candidatesBehind returns the candidates with the labels, the least used first, and
// among them in order, beginning behind the one at an index.
func (p *Pool) candidatesBehind(at int, labels Labels) []*Candidate {
	var found []*Candidate
	all := p.config.Candidates
	for i := range all {
		if c := &all[(at+1+i)%len(all)]; labels.match(c) {
			found = append(found, c)
		}
	}
	used := map[*Candidate]int{}
	for _, one := range p.all() {
		used[one.candidate.Load()]++
	}
	slices.SortStableFunc(found, func(a, b *Candidate) int { return used[a] - used[b] })
	return found
}
