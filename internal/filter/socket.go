package filter

import (
	"encoding/binary"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// Codes of how a connection ended that no frame has on the wire (RFC 6455
// section 7.4.1).
const (
	closeNoStatus = 1005
	closeAbnormal = 1006
)

// socketFields are the fields of frames and of the end of connections.
func socketFields() []*field {
	return []*field{
		named("dir").choices(buildDir),
		named("opcode", "op").choices(buildOpcode),
		named("close").numbers("a close code or a range of them", whole, onlyOn(lineFrame|lineClose), closeCodeOf),
		named("frame").texts(frameIn(false)).withContent(),
		named("text").texts(frameIn(true)).withContent(),
	}
}

var directions = map[string]traffic.Direction{
	"client-to-server": traffic.ClientToServer, "server-to-client": traffic.ServerToClient,
	"c2s": traffic.ClientToServer, "s2c": traffic.ServerToClient,
	"out": traffic.ClientToServer, "in": traffic.ServerToClient,
	"->": traffic.ClientToServer, "<-": traffic.ServerToClient,
	"-->": traffic.ClientToServer, "<--": traffic.ServerToClient,
}

func buildDir(p *parser, c clause) (*term, *SyntaxError) {
	var wanted [2]bool
	for _, v := range c.values {
		dir, ok := directions[lowerASCII(v.text)]
		if !ok {
			hint := didYouMean(v.text, []string{"in", "out", "c2s", "s2c", "client-to-server", "server-to-client"})
			return nil, p.errorAt(v.offset, hint, "%q is no direction: in, out, s2c, c2s, <- or ->", v.text)
		}
		wanted[dir] = true
	}
	if c.op == opUnequal {
		wanted[0], wanted[1] = !wanted[0], !wanted[1]
	}
	return &term{
		match: func(s *Subject) bool { return s.Frame != nil && wanted[s.Frame.Dir] },
		may: frameScan(func(l line) bool {
			return wanted[l.dir]
		}),
	}, nil
}

var opcodes = map[string]traffic.Opcode{
	"continuation": traffic.OpContinuation,
	"text":         traffic.OpText,
	"binary":       traffic.OpBinary,
	"close":        traffic.OpClose,
	"ping":         traffic.OpPing,
	"pong":         traffic.OpPong,
}

func buildOpcode(p *parser, c clause) (*term, *SyntaxError) {
	var wanted uint16 // a bit for each opcode
	for _, v := range c.values {
		op, ok := opcodes[lowerASCII(v.text)]
		if !ok {
			n, err := strconv.ParseUint(v.text, 0, 4)
			if err != nil {
				hint := didYouMean(v.text, []string{"continuation", "text", "binary", "close", "ping", "pong"})
				return nil, p.errorAt(v.offset, hint,
					"%q is no opcode: continuation, text, binary, close, ping, pong or a number from 0 to 15", v.text)
			}
			op = traffic.Opcode(n)
		}
		wanted |= 1 << op
	}
	if c.op == opUnequal {
		wanted = ^wanted
	}
	return &term{
		match: func(s *Subject) bool { return s.Frame != nil && wanted>>(s.Frame.Opcode&15)&1 != 0 },
		may:   frameScan(func(l line) bool { return wanted>>l.opcode&1 != 0 }),
	}, nil
}

// closeCodeOf returns the code of a close frame, or of how a connection ended.
func closeCodeOf(s *Subject) (int64, bool) {
	switch f := s.Frame; {
	case s.Close != nil:
		return int64(s.Close.Code), true
	case f == nil || f.Opcode != traffic.OpClose:
		return 0, false
	case len(f.Payload) < 2:
		return closeNoStatus, true
	default:
		return int64(binary.BigEndian.Uint16(f.Payload)), true
	}
}

// frameIn builds frame:text, and text:text, which asks only text frames and
// their continuations.
func frameIn(textOnly bool) func(*parser, clause) (*term, *SyntaxError) {
	return func(p *parser, c clause) (*term, *SyntaxError) {
		t, err := p.texts(c, noGlobs, nil)
		if err != nil {
			return nil, err
		}
		return &term{
			may: textScan(t, lineFrame, 0, true),
			match: func(s *Subject) bool {
				f := s.Frame
				if f == nil || textOnly && f.Opcode != traffic.OpText && f.Opcode != traffic.OpContinuation {
					return false
				}
				return t.any(view(f.Payload)) != t.negated
			},
		}, nil
	}
}
