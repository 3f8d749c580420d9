package eventserver

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/rules"
)

// ProxyStarted tells clients that the proxy accepts connections on port, and
// where the events are: eventsPort.
func (s *Server) ProxyStarted(port, eventsPort int) {
	var w jsonWriter
	w.int(`{"port":`, int64(port))
	w.int(`,"uiPort":`, int64(eventsPort))
	w.raw(`,"autoOpenBrowser":false,"recording":true}`)
	s.publish(eventProxyStarted, w.encoded)
}

// ProxyStopped tells clients that the proxy accepts no connections any more.
func (s *Server) ProxyStopped() { s.publish(eventProxyStopped, encoded{}) }

// ProxyFailed tells clients what is wrong with the proxy.
func (s *Server) ProxyFailed(text string) { s.publish(eventProxyError, encodeText(text)) }

// RulesChanged tells clients what has changed about Options.Rules: what their
// methods and a rules.Watcher return.
func (s *Server) RulesChanged(changes []rules.Change) {
	for _, c := range changes {
		switch c.Kind {
		case rules.Created:
			s.publish(eventRuleCreated, s.encodeRule(c))
		case rules.Updated:
			s.publish(eventRuleUpdated, s.encodeRule(c))
		case rules.Toggled:
			s.publish(eventRuleToggled, s.encodeRule(c))
		case rules.Deleted:
			s.publish(eventRuleDeleted, encodeText(c.Name))
		case rules.Reordered:
			s.publish(eventRulesReordered, encodeValue(s.ruleEntries()))
		}
	}
}

// EnableRule turns a rule on or off in this run and tells clients. The error is
// rules.ErrUnknownRule, or says that the run has no rules.
func (s *Server) EnableRule(name string, on bool) error {
	if s.opts.Rules == nil {
		return errUnavailable
	}
	changes, err := s.opts.Rules.SetEnabled(name, on)
	s.RulesChanged(changes)
	return err
}

// ReorderRules puts the rules named first in this run and tells clients. The
// error is rules.ErrUnknownRule, or says that the run has no rules.
func (s *Server) ReorderRules(names []string) error {
	if s.opts.Rules == nil {
		return errUnavailable
	}
	changes, err := s.opts.Rules.Reorder(names)
	s.RulesChanged(changes)
	return err
}

// ruleEntry is NectoProxy's Rule. The name of a rule is its id.
type ruleEntry struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Enabled  bool            `json:"enabled"`
	Priority int             `json:"priority"`
	Match    json.RawMessage `json:"match"`
	Action   string          `json:"action"`
	Config   json.RawMessage `json:"config"`
	// CreatedAt and UpdatedAt are in ms since 1970.
	CreatedAt int64 `json:"createdAt"`
	UpdatedAt int64 `json:"updatedAt"`
	// Applied is how often the rule was applied, File where it is.
	Applied uint64 `json:"applied"`
	File    string `json:"file"`
}

// ruleEntries returns the rules in the order in force.
func (s *Server) ruleEntries() []ruleEntry {
	entries := []ruleEntry{}
	if s.opts.Rules == nil {
		return entries
	}
	for i, r := range s.opts.Rules.Rules() {
		e := s.newRuleEntry(r.Rule, r.On)
		e.Priority, e.Applied = i, r.Applied
		entries = append(entries, e)
	}
	return entries
}

// encodeRule writes the rule of a change.
func (s *Server) encodeRule(c rules.Change) encoded {
	e := s.newRuleEntry(c.Rule, c.On)
	if s.opts.Rules != nil {
		states := s.opts.Rules.Rules()
		i := slices.IndexFunc(states, func(r rules.RuleState) bool { return r.Name == c.Name })
		if i >= 0 {
			e.Priority, e.Applied = i, states[i].Applied
		}
	}
	return encodeValue(e)
}

func (s *Server) newRuleEntry(r *rules.Rule, on bool) ruleEntry {
	key := r.Action()
	text := ruleJSON(r)
	return ruleEntry{
		ID: r.Name, Name: r.Name, Enabled: on, Match: member(text, "match"),
		Action: actionName(r), Config: member(text, key), File: r.At.String(),
		CreatedAt: s.began.UnixMilli(), UpdatedAt: s.began.UnixMilli(),
	}
}

// actionName returns NectoProxy's name of a rule's action, or, of what it has not,
// that of the rules file.
func actionName(r *rules.Rule) string {
	switch {
	case r.Modify == nil:
		return strings.ReplaceAll(r.Action(), "_", "-")
	case r.OnResponse():
		return "modify-response"
	default:
		return "modify-request"
	}
}

// ruleJSON returns a rule as JSON objects, with the keys of the rules file.
func ruleJSON(r *rules.Rule) map[string]any {
	var members map[string]any
	text, err := yaml.Marshal(r)
	if err != nil || yaml.Unmarshal(text, &members) != nil {
		return nil // what was read as YAML can be written so
	}
	return members
}

// member returns a member as JSON, null if there is none.
func member(members map[string]any, name string) json.RawMessage {
	text := encodeValue(members[name]).text
	if name == "match" && bytes.Equal(text, []byte("null")) {
		return json.RawMessage("{}")
	}
	return text
}
