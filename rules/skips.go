package rules

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// maxSkips is how many different skips are told of one run. A rule that does not
// fit the traffic would otherwise be told with each request.
const maxSkips = 100

// skips tells of rules that were not applied although they are for a request: of
// each rule and reason once.
type skips struct {
	log *slog.Logger

	mu   sync.Mutex // guards told
	told map[skip]bool
}

type skip struct{ name, reason string }

// tell tells that the rule or breakpoint of that name was skipped.
func (s *skips) tell(name string, at Position, err error) {
	if s.isNew(skip{name, err.Error()}) {
		s.log.Warn("rule skipped", "rule", name, "at", at.String(), "err", err)
		return
	}
	s.log.Debug("rule skipped", "rule", name, "err", err)
}

// leaves tells, of each rule or breakpoint once, that its file sends requests to
// another host than the one that they, with their credentials, were for: such files
// may come from strangers.
func (s *skips) leaves(ctx context.Context, name string, at Position, from, to traffic.URL) {
	if rehearsing(ctx) || strings.EqualFold(from.Hostname(), to.Hostname()) || !s.isNew(skip{name, "leaves"}) {
		return
	}
	s.log.Warn("requests are sent to another host", "rule", name, "at", at.String(), "from", from.Authority, "to", to.Authority)
}

func (s *skips) isNew(what skip) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[what] || len(s.told) == maxSkips {
		return false
	}
	if s.told == nil {
		s.told = make(map[skip]bool)
	}
	s.told[what] = true
	return true
}

// position returns where the rule or breakpoint of that name is.
func (v *View) position(name string) Position {
	for _, r := range v.rules {
		if r.item.Name == name {
			return r.item.At
		}
	}
	for _, b := range v.breakpoints {
		if b.item.Name == name {
			return b.item.At
		}
	}
	return Position{}
}
