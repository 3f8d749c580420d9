package diff

import (
	"cmp"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
)

// side is one of the recordings.
type side struct {
	file *record.File
	// items are in the order in which the exchanges began.
	items []*item
	// byKey has the items that were not taken yet.
	byKey map[string][]*item
}

// item is an exchange and where its lines are.
type item struct {
	id          uint64
	key         string
	method, url string
	at          string // sorts as the time does
	line, close place
	frames      []place
	socket      bool
	taken       bool
}

// place is where a line is in its file; a length of 0 is nowhere.
type place struct {
	offset int64
	length int
}

func newSide(f *record.File) (*side, error) {
	s := &side{file: f, byKey: map[string][]*item{}}
	byID := map[uint64]*item{}
	err := f.Scan(func(l record.Line) error {
		where := place{l.Offset, l.Length}
		switch l.Type {
		case record.TypeHTTP, record.TypePending, record.TypeWSOpen:
			known := byID[l.ID]
			if known == nil { // else the line replaces an earlier one
				known = &item{id: l.ID}
				byID[l.ID] = known
				s.items = append(s.items, known)
			}
			known.line, known.socket = where, l.Type == record.TypeWSOpen
			known.describe(l.Raw)
		case record.TypeWSFrame:
			if known := byID[l.ID]; known != nil {
				known.frames = append(known.frames, where)
			}
		case record.TypeWSClose:
			if known := byID[l.ID]; known != nil {
				known.close = where
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	})
	for _, item := range s.items {
		s.byKey[item.key] = append(s.byKey[item.key], item)
	}
	return s, nil
}

// describe notes what a line says about its exchange.
func (i *item) describe(raw []byte) {
	found := gjson.GetManyBytes(raw, "at", "request.method", "request.url")
	i.at, i.method, i.url = found[0].String(), found[1].String(), found[2].String()
	i.key = i.method + " " + normalize(i.url).text
}

// take returns the first exchange of that key that was not taken, nil if there is
// none.
func (s *side) take(key string) *item {
	left := s.byKey[key]
	if len(left) == 0 {
		return nil
	}
	s.byKey[key] = left[1:]
	left[0].taken = true
	return left[0]
}

func (s *side) read(p place) ([]byte, error) { return s.file.ReadLine(p.offset, p.length) }

func (s *side) entry(i *item) (*record.Entry, error) {
	raw, err := s.read(i.line)
	if err != nil {
		return nil, err
	}
	return record.ParseEntry(raw)
}
