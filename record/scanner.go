package record

import (
	"bufio"
	"io"
)

const (
	// maxKey and maxSpace bound a name worth looking at and the white space
	// behind it, in bytes.
	maxKey   = 256
	maxSpace = 32
	// lookBehind is how far before an anchor its name is looked for: with both
	// quotes, and two backslashes before each.
	lookBehind = maxKey + maxSpace + 6
	// minWindow is how much text is looked at before a value that has no end in
	// it counts as endless. It holds any secret of maxHashed bytes with its name.
	minWindow = 2 * maxHashed
)

// grammar knows where secrets lie in one kind of content. It has no state, so
// that content can be looked at through windows of any size.
type grammar interface {
	// anchor returns the end of the first anchor that ends behind i, -1 if there
	// is none. A secret's value lies behind an anchor.
	anchor(src []byte, i int) int
	// secret returns the name and the place of the secret behind the anchor that
	// ends at i, and false if it is none. It looks at nothing before base.
	secret(src []byte, base, i int) (name []byte, v span, ok bool)
	// end returns where the value ends that goes on at i, and whether its end is
	// in src. If not it is the end of src, or a little before for what can only
	// be understood with what follows.
	end(src []byte, i int) (int, bool)
	// appendMark appends what stands in place of the value src[v.start:v.end].
	appendMark(dst []byte, r *redactor, name, src []byte, v span) []byte
}

// span says where a value lies.
type span struct {
	start, end int
	// whole means that the end is in the text. A span that is empty and not
	// whole may be a value behind the end.
	whole bool
}

// scanner replaces the secrets in content that comes in windows. All else stays
// byte for byte.
type scanner struct {
	grammar  grammar
	redactor *redactor
	// skip is how much of the next window has been looked at and is there only
	// as the context of what follows.
	skip int
	// cut means that the window ended inside a secret, whose rest comes next.
	cut bool
}

// scan appends src to dst with secrets replaced, and returns how much of src that
// was: the caller passes the rest again, with more behind it. If final is set it
// is all of src, and a secret that has no end goes to the end.
func (s *scanner) scan(dst, src []byte, final bool) ([]byte, int) {
	done := s.dropRest(src, final) // src before done is in dst, or dropped
	for i := max(s.skip, done); ; {
		at := s.grammar.anchor(src, i)
		if at < 0 {
			break
		}
		i = at
		name, v, ok := s.grammar.secret(src, done, at)
		if !ok {
			continue
		}
		if !v.whole && !final && len(src)-at < minWindow {
			return s.keep(dst, src, done, at-1)
		}
		if !v.whole && final && v.start < v.end {
			v.end = len(src)
		}
		if v.start < v.end {
			dst = append(dst, src[done:v.start]...)
			dst = s.grammar.appendMark(dst, s.redactor, name, src, v)
			done, i = v.end, v.end
			s.cut = !v.whole && !final
		}
	}
	if final {
		return append(dst, src[done:]...), len(src)
	}
	return s.keep(dst, src, done, len(src))
}

// whole appends content that is all there, with its secrets replaced.
func (s *scanner) whole(dst, content []byte) []byte {
	s.settle(content)
	start := len(dst)
	dst, _ = s.scan(dst, content, true)
	if _, parts := s.grammar.(partsGrammar); parts {
		inParts := scanner{grammar: jsonGrammar{}, redactor: s.redactor}
		clean, _ := inParts.scan(nil, dst[start:], true)
		dst = append(dst[:start], clean...)
	}
	return dst
}

// settleSize is how much of content settle needs, in bytes.
const settleSize = 4 << 10

// settle chooses the grammar where the beginning of content tells more than its type.
func (s *scanner) settle(head []byte) {
	switch g := s.grammar.(type) {
	case formGrammar:
		if hasGrant(head) {
			s.grammar = grantGrammar{g}
		}
	case scriptGrammar:
		s.grammar = textGrammar{}
		if isDataScript(head) {
			s.grammar = jsonGrammar{}
		}
	}
}

// reader returns what scan is to be given of src, for content that comes in windows:
// without what is found otherwise than by scan.
func (s *scanner) reader(src io.Reader) io.Reader {
	r := bufio.NewReaderSize(s.redactor.cleanReader(src), settleSize)
	head, _ := r.Peek(settleSize) // an error comes again
	s.settle(head)
	if _, parts := s.grammar.(partsGrammar); !parts {
		return r
	}
	first := *s
	s.grammar = jsonGrammar{} // of parts that are JSON
	return &windowReader{src: r, scan: first.scan}
}

// dropRest returns where in src the secret ends that the last window was cut in.
func (s *scanner) dropRest(src []byte, final bool) int {
	if !s.cut {
		return 0
	}
	end, whole := s.grammar.end(src, 0)
	if final && !whole {
		return len(src)
	}
	s.cut = !whole
	return end
}

// keep ends a scan that has looked at src before seen: it leaves as much before
// that to the next window as context.
func (s *scanner) keep(dst, src []byte, done, seen int) ([]byte, int) {
	used := max(done, seen-lookBehind)
	s.skip = max(0, seen-used)
	return append(dst, src[done:used]...), used
}
