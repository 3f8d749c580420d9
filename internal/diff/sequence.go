package diff

import (
	"strings"

	edits "znkr.io/diff"
)

// sequence aligns two lists of normalized texts. It calls pair for what belongs
// together, which may still be different, and one for what is in one list only;
// each with indexes. Where a run of elements was replaced by another they are
// paired as they come.
func sequence(a, b []string, pair func(i, j int), one func(kind Kind, i int)) {
	var removed, added []int
	replace := func() {
		both := min(len(removed), len(added))
		for k := range both {
			pair(removed[k], added[k])
		}
		for _, i := range removed[both:] {
			one(Removed, i)
		}
		for _, j := range added[both:] {
			one(Added, j)
		}
		removed, added = removed[:0], added[:0]
	}
	for _, edit := range edits.Edits(a, b) {
		switch edit.Op {
		case edits.Match:
			replace()
			pair(edit.PosX, edit.PosY)
		case edits.Delete:
			removed = append(removed, edit.PosX)
		case edits.Insert:
			added = append(added, edit.PosY)
		}
	}
	replace()
}

// lines compares text line by line.
func (c *collector) lines(path, a, b string) {
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	sequence(normalizedAll(la), normalizedAll(lb), func(i, j int) {
		c.text(atIndex(path, j), la[i], lb[j])
	}, func(kind Kind, i int) {
		if kind == Removed {
			c.add(Change{Path: atIndex(path, i), Kind: Removed, From: la[i]})
		} else {
			c.add(Change{Path: atIndex(path, i), Kind: Added, To: lb[i]})
		}
	})
}

func normalizedAll(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = normalize(text).text
	}
	return all
}
