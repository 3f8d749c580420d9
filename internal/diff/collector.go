package diff

import (
	"strconv"
	"strings"
)

// maxChanges is how many changes of one exchange are kept.
const maxChanges = 1000

// collector gathers the changes of one exchange.
type collector struct {
	options Options
	changes []Change
	more    int
	counts  bool // one of them counts
}

func (c *collector) add(change Change) {
	if change.Shape == "" || c.options.Strict {
		c.counts = true
	}
	if len(c.changes) >= maxChanges {
		c.more++
		return
	}
	c.changes = append(c.changes, change)
}

// text compares two texts that are always there.
func (c *collector) text(path, a, b string) {
	if a != b {
		c.add(Change{Path: path, Kind: Changed, From: a, To: b, Shape: shapeOfPair(a, b)})
	}
}

// presence notes what only one side has, and reports whether both have it. from
// and to are what to tell of it.
func (c *collector) presence(path string, a, b bool, from, to any) bool {
	switch {
	case a && !b:
		c.add(Change{Path: path, Kind: Removed, From: from})
	case b && !a:
		c.add(Change{Path: path, Kind: Added, To: to})
	}
	return a && b
}

func (c *collector) verdict() Kind {
	switch {
	case c.counts:
		return Changed
	case len(c.changes) > 0:
		return Volatile
	}
	return Same
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// at returns the path of a member (RFC 6901 section 3).
func at(path, name string) string { return path + "/" + pointerEscaper.Replace(name) }

// atIndex returns the path of an element.
func atIndex(path string, i int) string { return path + "/" + strconv.Itoa(i) }
