package eventserver

import (
	"maps"

	"github.com/necto-dev/necto/traffic"
)

// AddNode makes a session for the traffic of another node of a cluster: for the
// exchanges whose numbers have that of the node in them, see traffic.ExchangeID.
// What they are called in events and in REST is what they are called there. It is
// called before the first of them is observed.
func (s *Server) AddNode(node uint64, id, name string) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil { // else the node was away
		one = newSession(id, name)
		s.sessions.all = append(s.sessions.all, one)
		s.publish(eventSessionCreated, encodeSession(s.sessions.describe(one)))
	}
	s.history.addNode(node, one)
}

// RemoveNode forgets the session of a node that is not expected back, and its traffic,
// as DeleteSession does. One that is active stays.
func (s *Server) RemoveNode(id string) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if one, err := s.sessions.find(id); err == nil && one != s.sessions.active { // else somebody has deleted it
		s.delete(one)
	}
	s.history.removeNode(id)
}

// nodeOf returns the node that an exchange is of, 0 for this one.
func nodeOf(id traffic.ExchangeID) uint64 { return uint64(id) >> traffic.NodeShift }

// addNode lets what begins at a node belong to a session. It locks mu.
func (h *history) addNode(node uint64, one *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes == nil {
		h.nodes = map[uint64]*session{}
	}
	h.nodes[node] = one
}

// removeNode undoes addNode for all nodes of a session. It locks mu.
func (h *history) removeNode(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.nodes, func(_ uint64, one *session) bool { return one.id == id })
}

// numberIn returns the number here of an exchange that has another one at the node
// of its session. It locks mu.
func (h *history) numberIn(session string, id traffic.ExchangeID) traffic.ExchangeID {
	h.mu.Lock()
	defer h.mu.Unlock()
	for node, one := range h.nodes {
		if one.id == session {
			return traffic.ExchangeID(node<<traffic.NodeShift) | id
		}
	}
	return id
}
