package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

func (g *GRPCMock) check(c *check) {
	for _, name := range [...]string{"grpc-status", "grpc-message"} {
		if traffic.Fields(g.Trailers).Has(name) {
			c.problem("trailers", "%s has a key of its own: write status and message", name)
		}
	}
}

func (m *GRPCMessage) check(c *check) {
	c.one(map[string]bool{"json": m.JSON != nil, "base64": m.Base64 != nil}, "json, base64")
}

// CheckCalls reports rules that cannot answer gRPC calls as they say, as far as
// that can be told before there is a call: because of a path that is no pattern. protos
// describe messages, nil none. The error is a *LoadError.
func (s *Set) CheckCalls(protos *protoset.Set) error {
	problems := new(LoadError)
	for _, r := range s.rules {
		if r.Mock == nil || r.Mock.GRPC == nil {
			continue
		}
		for i := range r.Match.Path {
			if path := r.Match.Path[i].literal(); path != "" {
				c := callCheck{rule: r, path: path, protos: protos, problems: problems}
				c.check()
			}
		}
	}
	if len(problems.Problems) > 0 {
		return problems
	}
	return nil
}

// callCheck looks at how a rule answers the calls to one path.
type callCheck struct {
	rule     *Rule
	path     string
	protos   *protoset.Set
	problems *LoadError
}

func (c *callCheck) problem(at Position, format string, args ...any) {
	c.problems.add(Problem{At: at, In: fmt.Sprintf("rule %.100q", c.rule.Name), Text: fmt.Sprintf(format, args...)})
}

func (c *callCheck) check() {
	if _, _, ok := grpcwire.SplitPath(c.path); !ok {
		c.problem(c.rule.At, "%.200s is no path of gRPC calls, which is /package.Service/Method", c.path)
		return
	}
	mock := c.rule.Mock
	if c.protos.Knows(c.path) {
		c.count()
	}
	for i := range mock.GRPC.Messages {
		m := &mock.GRPC.Messages[i]
		if m.JSON == nil {
			continue
		}
		// The strings of templates are known with the call, and so is its codec
		// where the rule asks for one.
		_, err := c.protos.Encode(c.path, traffic.ServerToClient, m.JSON)
		switch unknown := errors.Is(err, protoset.ErrUnknown); {
		case unknown && c.asksForCodec():
		case unknown:
			c.problem(m.At, "%v; name its description with --proto, or write the message in base64", err)
		case err != nil && !mock.Template:
			c.problem(m.At, "%v", err)
		}
	}
}

// asksForCodec reports whether the rule is for calls of a certain content type: it
// may be one that needs no description.
func (c *callCheck) asksForCodec() bool {
	return slices.ContainsFunc(c.rule.Match.Header, func(p Pair[Condition]) bool {
		return strings.EqualFold(p.Name, "Content-Type")
	})
}

// count reports a number of messages that the method cannot have.
func (c *callCheck) count() {
	mock := c.rule.Mock.GRPC
	if _, streams := c.protos.Streams(c.path); streams {
		return
	}
	switch n := len(mock.Messages); {
	case n > 1:
		c.problem(mock.Messages[1].At, "%s answers with one message", c.path)
	case n == 0 && mock.Status == grpcwire.CodeOK:
		c.problem(c.rule.At, "%s answers with a message if the status is OK", c.path)
	}
}
