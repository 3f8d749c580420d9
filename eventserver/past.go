package eventserver

import (
	"cmp"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// past knows of exchanges that are not in memory any more what the recording does
// not say. It takes 16 bytes an exchange. Methods of a nil one do nothing; it is
// guarded by history.mu.
type past struct {
	// highest is the highest number of an exchange so far.
	highest traffic.ExchangeID
	// ends are the ends of exchanges and connections in the order of their numbers.
	ends []ending
	// eras are the sessions in the order in which they were activated.
	eras []era
}

// ending is the end of an exchange, or of the connection that it has opened, with the
// number of the event of that.
type ending struct {
	number uint64
	id     traffic.ExchangeID
}

// era is the time in which exchanges that began belong to a session: those after a
// number, as far as they are not in another era.
type era struct {
	after   traffic.ExchangeID
	session *session
}

func newPast(active *session) *past { return &past{eras: []era{{0, active}}} }

// began notes an exchange. Those of other nodes are not in the recording.
func (p *past) began(id traffic.ExchangeID) {
	if p != nil && nodeOf(id) == 0 {
		p.highest = max(p.highest, id)
	}
}

// ended notes the end of an exchange or of its connection.
func (p *past) ended(id traffic.ExchangeID, number uint64) {
	if p != nil && nodeOf(id) == 0 {
		p.ends = append(p.ends, ending{number, id})
	}
}

// activated notes that what begins belongs to a session from now on.
func (p *past) activated(one *session) {
	if p != nil {
		p.eras = append(p.eras, era{p.highest, one})
	}
}

// forget notes that a session was cleared.
func (p *past) forget(one *session) {
	if p != nil {
		one.forgotten = p.highest
	}
}

// sessionOf returns the session of an exchange, nil if it was cleared, or is another
// node's.
func (p *past) sessionOf(id traffic.ExchangeID) *session {
	if nodeOf(id) != 0 {
		return nil
	}
	for _, e := range slices.Backward(p.eras) {
		if id > e.after {
			if id <= e.session.forgotten {
				return nil
			}
			return e.session
		}
	}
	return nil
}

// since returns the ends whose numbers are from at on and below to, at most so many.
func (p *past) since(at, to uint64, most int) []ending {
	i, _ := slices.BinarySearchFunc(p.ends, at, func(e ending, at uint64) int { return cmp.Compare(e.number, at) })
	ends := p.ends[i:min(len(p.ends), i+most)]
	for n, e := range ends {
		if e.number >= to {
			ends = ends[:n]
			break
		}
	}
	return slices.Clone(ends)
}
