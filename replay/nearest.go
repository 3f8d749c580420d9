package replay

import (
	"cmp"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

const (
	maxLooked  = 64        // recorded requests compared with one that missed
	maxNearest = 3         // of them shown
	maxShown   = 256 << 10 // size in bytes of content whose parts are compared
)

// request is what is compared to explain a miss.
type request struct {
	method      string
	url         traffic.URL
	contentType string
	content     content
	handshake   bool // of a WebSocket connection
}

// ranked is a candidate and how far away it is.
type ranked struct {
	Candidate
	distance int
	at       position
	related  bool // the paths have something in common
}

// nearest returns the recorded requests closest to one that missed, best
// first.
func (x *Index) nearest(got request, anywhere bool) []Candidate {
	var found []ranked
	lines, related := x.table.near(nearbyOf(got.url.Target), maxLooked)
	for _, number := range lines {
		// A line that cannot be read explains nothing.
		if c, err := x.compare(number, got, anywhere); err == nil && (related || c.related) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.at, b.at))
	})
	found = found[:min(len(found), maxNearest)]
	nearest := make([]Candidate, len(found))
	for i := range found {
		nearest[i] = found[i].Candidate
	}
	return nearest
}

// compare says how a recorded request differs from got.
func (x *Index) compare(number uint32, got request, anywhere bool) (ranked, error) {
	l := x.table.lines[number]
	raw, err := x.fileOf(number).ReadLine(l.at.offset(), int(l.length))
	if err != nil {
		return ranked{}, err
	}
	id := gjson.GetBytes(raw, "id").Uint()
	recorded, _, err := parseRequest(nil, gjson.GetBytes(raw, "request"))
	if err != nil {
		return ranked{}, err
	}
	u, err := parseURL(recorded.URL)
	if err != nil {
		return ranked{}, err
	}
	d := differences{tolerance: &x.tolerance}
	opened := gjson.GetBytes(raw, "type").Str == record.TypeWSOpen
	d.protocol(opened || isHandshake(recorded.Method, recorded.Header), got.handshake)
	d.head(recorded.Method, u, got, anywhere)
	d.query(u, got.url)
	d.body(x.fileOf(number), recorded, u, got)
	c := Candidate{ID: id, Method: printable(recorded.Method), URL: safeURL(recorded.URL), Differs: d.list()}
	if len(x.files) > 1 {
		c.Recording = x.names[l.at.file()]
	}
	return ranked{c, d.distance, l.at, sharesSegment(u.Path(), got.url.Path())}, nil
}
