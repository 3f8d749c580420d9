package filter

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

const contentType = "Content-Type"

// sides are directions: of a request, of a response, or both.
type sides uint8

const (
	ofRequest  sides = 1 << traffic.ClientToServer
	ofResponse sides = 1 << traffic.ServerToClient
	ofBoth           = ofRequest | ofResponse
)

func (s sides) has(dir traffic.Direction) bool { return s&(1<<dir) != 0 }

// headerPart builds header:name, header:name=value and header~regexp, which
// looks at whole lines "name: value".
func headerPart(of sides) func(*parser, *field, clause) (node, *SyntaxError) {
	return func(p *parser, f *field, c clause) (node, *SyntaxError) {
		switch c.op {
		case opMatches:
			return headerLines(p, c, of)
		case opHas, opEqual:
		default:
			return nil, p.errorAt(c.offset, "write "+f.name+":name=value", "%s does not take %q", f.name, c.op)
		}
		name, whole, err := p.partClause(f, c, false)
		if err != nil {
			return nil, err
		}
		t, err := p.test(whole, equalFold(name, contentType))
		if err != nil {
			return nil, err
		}
		may := textScan(&text{all: []pattern{contains(name)}}, httpLines, wsLines, false)
		if t.text != nil && !t.text.negated {
			may = both(may, textScan(t.text, httpLines, wsLines, false))
		}
		return &term{text: whole.text(), may: may, match: func(s *Subject) bool {
			return t.decide(overHeaders(s, of, func(h traffic.Fields) verdict { return fieldsOf(h, name, t.of) }))
		}}, nil
	}
}

// headerLines builds header~regexp.
func headerLines(p *parser, c clause, of sides) (node, *SyntaxError) {
	if err := p.readValues(&c, 0); err != nil {
		return nil, err
	}
	t, err := p.texts(c, noGlobs, nil)
	if err != nil {
		return nil, err
	}
	return &term{text: c.text(), may: only(exchangeLines), match: func(s *Subject) bool {
		return t.decide(overHeaders(s, of, func(h traffic.Fields) verdict {
			v := absent
			for i := range h {
				v = v.or(t.of(h[i].Name + ": " + h[i].Value))
			}
			return v
		}))
	}}, nil
}

// overHeaders asks the header of the request, of the response, or both.
func overHeaders(s *Subject, of sides, ask func(traffic.Fields) verdict) verdict {
	v := absent
	if r := s.request(); r != nil && of.has(traffic.ClientToServer) {
		v = ask(r.Header)
	}
	if r := s.response(); r != nil && of.has(traffic.ServerToClient) {
		v = v.or(ask(r.Header))
	}
	return v
}

// fieldsOf asks each field of a name.
func fieldsOf(h traffic.Fields, name string, ask func(string) verdict) verdict {
	v := absent
	for i := range h {
		if h[i].Is(name) {
			v = v.or(ask(h[i].Value))
		}
	}
	return v
}

// headerOf asks each field of a name for a text.
func headerOf(h traffic.Fields, name string, t *text) verdict {
	v := absent
	for i := range h {
		if h[i].Is(name) {
			v = v.or(t.of(h[i].Value))
		}
	}
	return v
}

// mediaTypes compiles a clause about a media type. One is equal to a value with
// its parameters, without them, to the subtype alone, and to its suffix: so
// application/problem+json is json.
func (p *parser) mediaTypes(c clause) (*text, *SyntaxError) {
	t, err := p.texts(c, globInner, nil)
	if err != nil {
		return nil, err
	}
	for i := range t.all {
		t.all[i].media = t.all[i].equal
	}
	return t, nil
}

// equalMediaType compares the value of Content-Type.
func equalMediaType(s, want string) bool {
	if equalFold(s, want) {
		return true
	}
	essence := mediaTypeOf(s)
	_, subtype, _ := strings.Cut(essence, "/")
	suffix := subtype[strings.LastIndexByte(subtype, '+')+1:]
	return equalFold(essence, want) || equalFold(subtype, want) || equalFold(suffix, want)
}

// mediaTypeOf returns a media type without its parameters (RFC 9110 section
// 8.3.1).
func mediaTypeOf(s string) string {
	essence, _, _ := strings.Cut(s, ";")
	return strings.TrimRight(essence, " \t")
}
