package filter

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/traffic"
)

// contentFields are the fields that look into header and content.
func contentFields() []*field {
	return []*field{
		named("header").parts(headerPart(ofBoth)),
		named("hq").parts(headerPart(ofRequest)),
		named("hs").parts(headerPart(ofResponse)),
		named("body").texts(contentIn(ofBoth)).withContent(),
		named("bq").texts(contentIn(ofRequest)).withContent(),
		named("bs").texts(contentIn(ofResponse)).withContent(),
		named("json").parts(jsonPart),
	}
}

// contentIn builds body:text. The content of a frame is that of its direction.
func contentIn(of sides) func(*parser, clause) (*term, *SyntaxError) {
	return func(p *parser, c clause) (*term, *SyntaxError) {
		t, err := p.texts(c, noGlobs, nil)
		if err != nil {
			return nil, err
		}
		return &term{
			may: textScan(t, httpLines|lineFrame, 0, true),
			match: func(s *Subject) bool {
				v := absent
				for _, dir := range [...]traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
					if p := s.contentAt(of, dir); p != nil {
						v = v.or(t.of(view(p)))
					}
				}
				return t.decide(v)
			},
		}, nil
	}
}

// contentAt returns the content of one direction if that is one of those asked
// for, nil for none.
func (s *Subject) contentAt(of sides, dir traffic.Direction) []byte {
	switch {
	case !of.has(dir) || s.Close != nil:
		return nil
	case s.Frame == nil:
		return s.contentOf(dir)
	case s.Frame.Dir != dir:
		return nil
	}
	return s.Frame.Payload
}

// jsonPart builds json:path and json:path=value.
func jsonPart(p *parser, f *field, c clause) (node, *SyntaxError) {
	if c.op != opHas {
		return nil, p.errorAt(c.offset, "write json:path=value", "json does not take %q", c.op)
	}
	path, whole, err := p.partClause(f, c, true)
	if err != nil {
		return nil, err
	}
	t, err := p.test(whole, false)
	if err != nil {
		return nil, err
	}
	p.needsContent = true
	m := jsonTest{path: path, test: t}
	for _, v := range whole.values {
		if n, err := strconv.ParseFloat(v.text, 64); err == nil && !v.quoted {
			m.numbers = append(m.numbers, n)
		}
	}
	return &term{text: whole.text(), may: only(httpLines | lineFrame), match: func(s *Subject) bool {
		v := m.in(s, traffic.ClientToServer)
		return t.decide(v.or(m.in(s, traffic.ServerToClient)))
	}}, nil
}

// jsonTest looks for a value in JSON.
type jsonTest struct {
	path string
	test
	// numbers are those among the values, which are equal to others spelled
	// differently: 3 is 3.0.
	numbers []float64
}

// in returns what the content of one direction says: of a gRPC call each of its
// messages, a line each.
func (t *jsonTest) in(s *Subject, dir traffic.Direction) verdict {
	content := s.contentAt(ofBoth, dir)
	if content == nil || s.Frame != nil || !isGRPC(s) {
		return t.of(content)
	}
	v := absent
	for line := range bytes.Lines(content) {
		v = v.or(t.of(line))
	}
	return v
}

// of returns what content says, which has no value if it is not JSON. A path
// that begins with ".." reads lines of JSON.
func (t *jsonTest) of(content []byte) verdict {
	content = bytes.TrimLeft(content, " \t\r\n")
	if len(content) == 0 || !strings.HasPrefix(t.path, "..") && !jsondoc.Valid(content) {
		return absent
	}
	found := gjson.Get(view(content), t.path)
	switch {
	case !found.Exists():
		return absent
	case t.op != "" && found.IsArray():
		return t.ofAny(found)
	}
	return t.ofOne(found)
}

// ofAny asks the elements of an array and the array as a whole.
func (t *jsonTest) ofAny(array gjson.Result) verdict {
	v := t.ofOne(array)
	array.ForEach(func(_, element gjson.Result) bool {
		v = v.or(t.ofOne(element))
		return true
	})
	return v
}

func (t *jsonTest) ofOne(r gjson.Result) verdict {
	if r.Type == gjson.Number && (t.op == opEqual || t.op == opUnequal) {
		if slices.Contains(t.numbers, r.Num) {
			return fits
		}
	}
	if r.Type == gjson.Null {
		return t.test.of("null")
	}
	return t.test.of(r.String())
}
