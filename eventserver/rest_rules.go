package eventserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/rules"
)

func (s *Server) listRules(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"rules": s.ruleEntries()})
}

func (s *Server) getRule(w http.ResponseWriter, r *http.Request) error {
	e, err := s.ruleEntry(r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, e)
}

// ruleEntry returns a rule by its name. The error is rules.ErrUnknownRule.
func (s *Server) ruleEntry(name string) (ruleEntry, error) {
	entries := s.ruleEntries()
	i := slices.IndexFunc(entries, func(e ruleEntry) bool { return e.ID == name })
	if i < 0 {
		return ruleEntry{}, fmt.Errorf("%w %.100q", rules.ErrUnknownRule, name)
	}
	return entries[i], nil
}

// switchRule turns a rule on or off.
func (s *Server) switchRule(w http.ResponseWriter, r *http.Request) error {
	var o struct {
		Enabled *bool `json:"enabled"`
	}
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	if o.Enabled == nil {
		return errors.New("enabled is missing")
	}
	name := r.PathValue("id")
	if err := s.EnableRule(name, *o.Enabled); err != nil {
		return err
	}
	return s.getRule(w, r)
}

func (s *Server) reorderRules(w http.ResponseWriter, r *http.Request) error {
	var o struct {
		IDs []string `json:"orderedIds"`
	}
	if err := readJSON(w, r, &o); err != nil {
		return err
	}
	if o.IDs == nil {
		return errors.New("orderedIds is missing")
	}
	if err := s.ReorderRules(o.IDs); err != nil {
		return err
	}
	return s.listRules(w, r)
}
