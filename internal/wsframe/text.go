package wsframe

import "unicode/utf8"

// textCheck tells whether bytes that come in pieces are UTF-8. The zero value is
// ready.
type textCheck struct {
	begun    [utf8.UTFMax]byte // a character of which more bytes must come
	begunLen int
	invalid  bool
}

// add checks the next bytes and reports whether all so far can still become
// valid.
func (c *textCheck) add(p []byte) bool {
	for c.begunLen > 0 && len(p) > 0 && !c.invalid {
		c.begun[c.begunLen] = p[0]
		c.begunLen++
		p = p[1:]
		if utf8.FullRune(c.begun[:c.begunLen]) {
			c.invalid = !utf8.Valid(c.begun[:c.begunLen])
			c.begunLen = 0
		}
	}
	if c.invalid || len(p) == 0 {
		return !c.invalid
	}
	whole := len(p) - unfinished(p)
	c.invalid = !utf8.Valid(p[:whole])
	c.begunLen = copy(c.begun[:], p[whole:])
	return !c.invalid
}

// end reports whether the text is valid if it ends here, and makes c ready for
// the next one.
func (c *textCheck) end() bool {
	valid := !c.invalid && c.begunLen == 0
	*c = textCheck{}
	return valid
}

// unfinished returns how many bytes at the end of p begin a character that p
// does not complete.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if last := p[len(p)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
