package rules

import "strings"

// index tells which matchers a host can be meant by, without asking each. It
// never changes.
type index struct {
	anywhere []int32            // matchers that name no host, or one by a pattern
	exact    map[string][]int32 // by folded host name
	below    map[string][]int32 // by ".example.com"
}

// newIndex indexes n matchers.
func newIndex(n int, matcher func(i int) *Matcher) *index {
	x := &index{exact: make(map[string][]int32), below: make(map[string][]int32)}
	for i := range n {
		x.add(int32(i), matcher(i))
	}
	return x
}

func (x *index) add(i int32, m *Matcher) {
	simple := len(m.Host) > 0
	for j := range m.Host {
		simple = simple && m.Host[j].other == nil
	}
	if !simple {
		x.anywhere = append(x.anywhere, i)
		return
	}
	for j := range m.Host {
		switch h := &m.Host[j]; {
		case h.exact != "":
			addOnce(x.exact, h.exact, i)
		case h.bare:
			addOnce(x.exact, h.suffix[1:], i)
			fallthrough
		default:
			addOnce(x.below, h.suffix, i)
		}
	}
}

// addOnce appends to a list, whose numbers come in ascending order.
func addOnce(lists map[string][]int32, key string, i int32) {
	if list := lists[key]; len(list) == 0 || list[len(list)-1] != i {
		lists[key] = append(list, i)
	}
}

// candidates appends the lists of matchers that may mean a host.
func (x *index) candidates(lists [][]int32, host string) [][]int32 {
	lists = appendList(lists, x.anywhere)
	lists = appendList(lists, x.exact[host])
	for rest := host; len(x.below) > 0; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			break
		}
		lists = appendList(lists, x.below[rest[dot:]])
		rest = rest[dot+1:]
	}
	return lists
}

func appendList(lists [][]int32, list []int32) [][]int32 {
	if len(list) == 0 {
		return lists
	}
	return append(lists, list)
}

// next returns the first candidate from a number on, and false if there is none.
func (x *index) next(from int, s *Subject) (int, bool) {
	h := s.look()
	if h.index != x || from < h.from {
		h.lists, h.index = x.candidates(h.lists[:0], h.host), x
	}
	h.from = from
	best, found := 0, false
	for i, list := range h.lists {
		for len(list) > 0 && int(list[0]) < from {
			list = list[1:]
		}
		h.lists[i] = list
		if len(list) > 0 && (!found || int(list[0]) < best) {
			best, found = int(list[0]), true
		}
	}
	return best, found
}
