package tail

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/necto-dev/necto/record"
)

const (
	// maxRoutes is how many routes are told apart; what comes after counts as one
	// with otherRoutes.
	maxRoutes   = 1000
	otherRoutes = "(other)"
	// slowestKept is how many of the slowest exchanges are shown.
	slowestKept = 5
)

// stats sums exchanges and conversations up. Its methods may be called
// concurrently. It needs the same memory for a recording of any length.
type stats struct {
	mu sync.Mutex // guards all

	total   *series
	hosts   map[string]*host
	routes  int // in all hosts
	slowest []slow
	pending int

	sockets, closed int
	frames          [2]int // per traffic.Direction
	frameBytes      [2]int64
}

// host is what was asked of one host.
type host struct {
	*series
	routes map[string]*series
}

// series is what is known of the exchanges of a route, of a host, or of all.
type series struct {
	count, errors  int
	sent, received int64
	longest        time.Duration
	durations      *hdrhistogram.PackedHistogram // in steps of a tenth of a millisecond
}

// slow is an exchange that took long.
type slow struct {
	duration    time.Duration
	method, url string
	status      int // 0 for none
}

func newStats() *stats { return &stats{total: newSeries(), hosts: map[string]*host{}} }

// durationStep is the resolution of recordings; maxDuration is what longer ones
// count as.
const (
	durationStep = 100 * time.Microsecond
	maxDuration  = 24 * time.Hour
)

func newSeries() *series {
	return &series{durations: hdrhistogram.NewPacked(1, int64(maxDuration/durationStep), 3)}
}

func (s *series) add(e *record.Entry) {
	s.count++
	if e.Failure != nil || e.Response != nil && e.Response.Status >= 500 {
		s.errors++
	}
	s.sent += wireSize(e.Request.Body)
	if e.Response != nil {
		s.received += wireSize(e.Response.Body)
	}
	s.longest = max(s.longest, e.Duration)
	// It refuses only what is out of its range.
	_ = s.durations.RecordValue(int64(min(e.Duration, maxDuration) / durationStep))
}

// percentile returns the duration that p percent did not exceed, up to a
// thousandth of it more.
func (s *series) percentile(p float64) time.Duration {
	return min(s.longest, time.Duration(s.durations.ValueAtPercentile(p))*durationStep)
}

// wireSize returns how many bytes of content passed.
func wireSize(b *record.EntryBody) int64 {
	switch {
	case b == nil:
		return 0
	case b.Coding != "":
		return b.WireSize
	}
	return b.Size
}

// print counts a line.
func (s *stats) print(it *item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch it.Type {
	case record.TypeHTTP:
		return s.exchange(it)
	case record.TypePending:
		s.pending++
	case record.TypeWSOpen:
		s.sockets++
	case record.TypeWSClose:
		s.closed++
	case record.TypeWSFrame:
		return s.frame(it)
	}
	return nil
}

func (s *stats) exchange(it *item) error {
	e, err := it.entry()
	if err != nil {
		return err
	}
	x := e.Exchange(nil)
	h := s.hostOf(x.Request.URL.Authority)
	for _, to := range [...]*series{s.total, h.series, s.routeOf(h, routeOf(x.Request))} {
		to.add(e)
	}
	s.addSlow(e)
	return nil
}

func (s *stats) frame(it *item) error {
	f, err := it.frame()
	if err != nil {
		return err
	}
	s.frames[f.Dir]++
	s.frameBytes[f.Dir] += f.Length
	return nil
}

// hostOf returns the series of a host.
func (s *stats) hostOf(name string) *host {
	h := s.hosts[name]
	if h == nil && s.routes >= maxRoutes {
		name = otherRoutes
		h = s.hosts[name]
	}
	if h == nil {
		h = &host{series: newSeries(), routes: map[string]*series{}}
		s.hosts[name] = h
	}
	return h
}

// routeOf returns the series of a route of a host.
func (s *stats) routeOf(h *host, name string) *series {
	r := h.routes[name]
	if r == nil && s.routes >= maxRoutes {
		name = otherRoutes
		r = h.routes[name]
	}
	if r == nil {
		r = newSeries()
		h.routes[name] = r
		s.routes++
	}
	return r
}

// addSlow keeps an exchange if it is one of the slowest, the slowest first.
func (s *stats) addSlow(e *record.Entry) {
	at, _ := slices.BinarySearchFunc(s.slowest, e.Duration, func(x slow, d time.Duration) int {
		if x.duration >= d { // the earlier of two stays before the other
			return -1
		}
		return 1
	})
	if at == slowestKept {
		return
	}
	x := slow{duration: e.Duration, method: e.Request.Method, url: e.Request.URL}
	if e.Response != nil {
		x.status = e.Response.Status
	}
	s.slowest = slices.Insert(s.slowest, at, x)
	s.slowest = s.slowest[:min(len(s.slowest), slowestKept)]
}

// named is a series with what it is of.
type named struct {
	name string
	*series
}

// busiest returns series in the order of their exchanges.
func busiest(all []named) []named {
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name))
	})
	return all
}

// hostsByCount returns the hosts, the busiest first.
func (s *stats) hostsByCount() []named {
	var all []named
	for name, h := range s.hosts {
		all = append(all, named{name, h.series})
	}
	return busiest(all)
}

// routesByCount returns the routes of a host, the busiest first.
func (s *stats) routesByCount(host string) []named {
	var all []named
	for name, r := range s.hosts[host].routes {
		all = append(all, named{name, r})
	}
	return busiest(all)
}
