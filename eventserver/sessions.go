package eventserver

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/necto-dev/necto/traffic"
)

var (
	// ErrUnknownSession says that there is no session of that id.
	ErrUnknownSession = errors.New("unknown session")
	// ErrActiveSession says that the session that traffic goes to cannot be
	// deleted.
	ErrActiveSession = errors.New("session is active")
)

// Session is a run, or a part of one that its user told apart.
type Session struct {
	// ID is unique, a ULID. Name is for people.
	ID, Name string
	// Active says that new exchanges belong to it, as they do to exactly one.
	Active bool
	// Created and Updated are wall clock.
	Created, Updated time.Time
	// Exchanges counts those that began in the session, Bytes the content of
	// requests and responses of those that ended, content coding kept. Clearing
	// a session begins both anew.
	Exchanges, Bytes int64
}

// session is a Session in the making.
type session struct {
	id               string
	exchanges, bytes atomic.Int64
	// forgotten is the highest number of the exchanges that were cleared, guarded by
	// history.mu.
	forgotten traffic.ExchangeID

	// guarded by sessions.mu:
	name             string
	created, updated time.Time
}

// sessions are those of a Server.
type sessions struct {
	mu     sync.Mutex // guards all and active
	all    []*session // the oldest first
	active *session
}

// newSession returns a session; the empty id makes a new one.
func newSession(id, name string) *session {
	if id == "" {
		id = ulid.Make().String()
	}
	if name == "" {
		name = "Session " + id
	}
	now := time.Now()
	return &session{id: id, name: name, created: now, updated: now}
}

// find returns a session by its id, under mu.
func (ss *sessions) find(id string) (*session, error) {
	i := slices.IndexFunc(ss.all, func(s *session) bool { return s.id == id })
	if i < 0 {
		return nil, fmt.Errorf("%w %.100q", ErrUnknownSession, id)
	}
	return ss.all[i], nil
}

// describe returns what there is to say of a session, under mu.
func (ss *sessions) describe(s *session) Session {
	return Session{
		ID: s.id, Name: s.name, Active: s == ss.active, Created: s.created, Updated: s.updated,
		Exchanges: s.exchanges.Load(), Bytes: s.bytes.Load(),
	}
}

// Sessions returns all sessions, the oldest first.
func (s *Server) Sessions() []Session {
	s.catchUp()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	all := make([]Session, len(s.sessions.all))
	for i, one := range s.sessions.all {
		all[i] = s.sessions.describe(one)
	}
	return all
}

// Session returns a session, or ErrUnknownSession.
func (s *Server) Session(id string) (Session, error) {
	s.catchUp()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil {
		return Session{}, err
	}
	return s.sessions.describe(one), nil
}

// CreateSession makes a session, to which no traffic goes until it is activated.
// "" stands for a name made from its id.
func (s *Server) CreateSession(name string) Session {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one := newSession("", name)
	s.sessions.all = append(s.sessions.all, one)
	created := s.sessions.describe(one)
	s.publish(eventSessionCreated, encodeSession(created))
	return created
}

// RenameSession gives a session another name. The error is ErrUnknownSession.
func (s *Server) RenameSession(id, name string) (Session, error) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil {
		return Session{}, err
	}
	one.name = name
	return s.touched(one), nil
}

// ActivateSession lets what begins from now on belong to a session; what has
// begun stays where it is. The error is ErrUnknownSession.
func (s *Server) ActivateSession(id string) (Session, error) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil {
		return Session{}, err
	}
	if before := s.sessions.active; before != one {
		s.sessions.active = one
		s.catchUp()
		s.history.activate(one)
		s.touched(before)
	}
	return s.touched(one), nil
}

// touched tells that a session has changed, under sessions.mu.
func (s *Server) touched(one *session) Session {
	one.updated = time.Now()
	changed := s.sessions.describe(one)
	s.publish(eventSessionUpdated, encodeSession(changed))
	return changed
}

// ClearSession forgets the traffic of a session as far as it is in memory. A
// recording keeps it. The error is ErrUnknownSession.
func (s *Server) ClearSession(id string) error {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil {
		return err
	}
	s.clear(one)
	return nil
}

// clear forgets the traffic of a session, under sessions.mu.
func (s *Server) clear(one *session) {
	s.catchUp()
	s.ring.forget(one)
	s.history.forget(one)
	one.exchanges.Store(0)
	one.bytes.Store(0)
	s.publish(eventClear, encodeText(one.id))
}

// DeleteSession forgets a session and its traffic, as ClearSession does. The
// error is ErrUnknownSession, or ErrActiveSession.
func (s *Server) DeleteSession(id string) error {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	one, err := s.sessions.find(id)
	if err != nil {
		return err
	}
	if one == s.sessions.active {
		return fmt.Errorf("%w: activate another one first", ErrActiveSession)
	}
	s.delete(one)
	return nil
}

// delete forgets a session that is not active, under sessions.mu.
func (s *Server) delete(one *session) {
	s.clear(one)
	s.sessions.all = slices.DeleteFunc(s.sessions.all, func(o *session) bool { return o == one })
	s.publish(eventSessionDeleted, encodeText(one.id))
}

// activeSession returns the id of the session that new traffic belongs to.
func (s *Server) activeSession() string {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return s.sessions.active.id
}

// encodeSession writes NectoProxy's Session.
func encodeSession(s Session) encoded {
	var w jsonWriter
	w.str(`{"id":`, s.ID)
	w.str(`,"name":`, s.Name)
	w.bool(`,"isActive":`, s.Active)
	w.raw(`,"isRecording":true`)
	w.int(`,"createdAt":`, s.Created.UnixMilli())
	w.int(`,"updatedAt":`, s.Updated.UnixMilli())
	w.int(`,"trafficCount":`, s.Exchanges)
	w.int(`,"totalBytes":`, s.Bytes)
	w.raw("}")
	return w.encoded
}
