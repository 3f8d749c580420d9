package eventserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// The number of entries that a list has.
const (
	usualEntries = 100
	mostEntries  = 1000
)

// selection is which exchanges a request is about.
type selection struct {
	// session is an id, "" for all.
	session string
	filter  *filter.Filter
	// before is the number that all are below, 0 for none.
	before traffic.ExchangeID
}

func (s *Server) selectionOf(r *http.Request) (selection, error) {
	query := r.URL.Query()
	sel := selection{session: query.Get("sessionId")}
	if sel.session != "" {
		if _, err := s.Session(sel.session); err != nil {
			return sel, err
		}
	}
	if expr := query.Get("filter"); expr != "" {
		var err error
		if sel.filter, err = filter.Parse(expr); err != nil {
			return sel, fmt.Errorf("filter: %w", err)
		}
	}
	if id := query.Get("before"); id != "" {
		_, n, ok := s.parseEntryID(id)
		if !ok {
			return sel, errors.New("before is no id of an entry")
		}
		sel.before = n
	}
	return sel, nil
}

// has reports whether an exchange is selected.
func (sel *selection) has(k *kept) bool {
	return (sel.session == "" || k.session.id == sel.session) && k.matches(sel.filter)
}

// each calls fn for the exchanges selected, the latest first, until it returns
// false. What fn is given is valid during the call.
func (s *Server) each(sel selection, fn func(k *kept) bool) error {
	s.catchUp()
	var failed error
	err := s.descending(sel.before, func(id traffic.ExchangeID) bool {
		k, ok, err := s.find(id)
		if !ok {
			failed = err
			return err == nil
		}
		defer k.release()
		return !sel.has(&k) || fn(&k)
	})
	return unreadable(errors.Join(err, failed))
}

// unreadable returns the error of reading the recording, nil for none, with its
// status.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return refuse(http.StatusInternalServerError, "%w", err)
}

// entryList is a part of the entries. Next is what before is to be for those that
// follow, nil for none.
type entryList struct {
	Entries []map[string]json.RawMessage `json:"entries"`
	Count   int                          `json:"count"`
	Next    *string                      `json:"next"`
}

func (s *Server) listTraffic(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r, usualEntries, mostEntries)
	if err != nil {
		return err
	}
	sel, err := s.selectionOf(r)
	if err != nil {
		return err
	}
	list := entryList{Entries: []map[string]json.RawMessage{}}
	last := ""
	err = s.each(sel, func(k *kept) bool {
		if len(list.Entries) == limit {
			list.Next = &last
			return false
		}
		list.Entries = append(list.Entries, entryOf(k, false))
		last = string(appendEntryID(nil, k.session.id, k.x.ID))
		return true
	})
	if err != nil {
		return err
	}
	list.Count = len(list.Entries)
	return writeJSON(w, http.StatusOK, list)
}

func (s *Server) getTraffic(w http.ResponseWriter, r *http.Request) error {
	k, err := s.exchangeOf(r)
	if err != nil {
		return err
	}
	defer k.release()
	return writeJSON(w, http.StatusOK, entryOf(&k, true))
}

// exchangeOf returns the exchange that a request is about, to be released.
func (s *Server) exchangeOf(r *http.Request) (kept, error) {
	id := r.PathValue("id")
	session, n, ok := s.parseEntryID(id)
	s.catchUp()
	if ok {
		k, known, err := s.find(n)
		if err != nil {
			return kept{}, unreadable(err)
		}
		if known && k.session.id == session {
			return k, nil
		}
		if known {
			k.release()
		}
	}
	return kept{}, refuse(http.StatusNotFound, "there is no exchange %.100q, or not any more", id)
}

func (s *Server) clearTraffic(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("sessionId")
	if id == "" {
		id = s.activeSession()
	}
	if err := s.ClearSession(id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
