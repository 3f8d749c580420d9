package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// act is an exchange or a tunnel that is played.
type act struct {
	number uint64        // counts the acts of the session
	start  time.Duration // since the session began
	cues   []cue         // what is still to be told, in order

	// Of an exchange, unset for a tunnel:

	id     uint64            // as recorded
	all    *traffic.Exchange // what the recording has
	told   traffic.Exchange  // what the observer sees: all, as far as it was announced
	opened bool              // WSOpened was told
	frames [2]uint64         // told, by direction
	last   time.Time         // At of the last event of an open connection
}

// cue is an event that is to be told so long after its act began.
type cue struct {
	at   time.Duration
	tell func(*act, *stage)
}

// next returns when the next event is due, since the session began.
func (a *act) next() time.Duration { return a.start + a.cues[0].at }

// cuesOf returns what a line of an exchange tells. It is no beginning if a pending
// line was.
func cuesOf(lineType string, a *act) []cue {
	all := a.all
	var cues []cue
	if a.told.Request == nil {
		cues = append(cues, cue{0, (*act).requestStarted})
	}
	for _, early := range all.Informational {
		if early.Status == 100 { // what a client waits for before it sends content
			cues = append(cues, informationalCue(early, 0))
		}
	}
	if all.RequestDone >= 0 {
		cues = append(cues, cue{all.RequestDone, (*act).requestDone})
	}
	for _, rule := range all.Rules {
		cues = append(cues, ruleCue(rule, max(0, all.RequestDone)))
	}
	for _, early := range all.Informational {
		if early.Status != 100 {
			cues = append(cues, informationalCue(early, max(0, all.ResponseStarted)))
		}
	}
	if all.Response != nil {
		cues = append(cues, cue{max(0, all.ResponseStarted), (*act).responseStarted})
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.at, b.at) })
	switch {
	case lineType == record.TypeWSOpen:
		cues = append(cues, cue{all.Duration, (*act).wsOpened})
	case lineType == record.TypeHTTP || all.Failure != nil:
		cues = append(cues, cue{all.Duration, (*act).end})
	}
	for i := 1; i < len(cues); i++ { // what others recorded may not add up
		cues[i].at = max(cues[i-1].at, cues[i].at)
	}
	return cues
}

func informationalCue(early *traffic.Response, at time.Duration) cue {
	return cue{at, func(a *act, s *stage) { a.informational(s, early, at) }}
}

// ruleCue tells of a rule. A recording does not say when it was applied, and what it
// did: rules are told when the request is there, by which most are chosen.
func ruleCue(rule string, at time.Duration) cue {
	return cue{at, func(a *act, s *stage) {
		s.to.Observe(traffic.RuleApplied{Exchange: &a.told, Time: a.told.Started.Add(at), Rule: rule})
	}}
}

func (a *act) requestStarted(s *stage) {
	request := *a.all.Request
	request.Trailer = nil
	a.told = traffic.Exchange{
		ID: a.all.ID, Conn: a.all.Conn, Started: a.all.Started, Client: a.all.Client, TLS: a.all.TLS,
		Request: &request, RequestDone: -1, ResponseStarted: -1,
	}
	s.to.Observe(traffic.RequestStarted{Exchange: &a.told})
}

func (a *act) informational(s *stage, early *traffic.Response, at time.Duration) {
	a.told.Informational = append(a.told.Informational, early)
	s.to.Observe(traffic.Informational{Exchange: &a.told, Time: a.told.Started.Add(at), Response: early})
}

func (a *act) requestDone(s *stage) {
	a.told.Request.Trailer = a.all.Request.Trailer
	a.told.RequestBody, a.told.RequestDone = a.all.RequestBody, a.all.RequestDone
	s.to.Observe(traffic.RequestDone{Exchange: &a.told})
}

func (a *act) responseStarted(s *stage) {
	response := *a.all.Response
	response.Trailer = nil
	a.told.Server, a.told.Response, a.told.ResponseStarted = a.all.Server, &response, a.all.ResponseStarted
	s.to.Observe(traffic.ResponseStarted{Exchange: &a.told})
}

// end tells that the exchange has ended.
func (a *act) end(s *stage) {
	a.conclude()
	if a.told.Failure != nil {
		s.to.Observe(traffic.ExchangeAborted{Exchange: &a.told})
	} else {
		s.to.Observe(traffic.ExchangeDone{Exchange: &a.told})
	}
	a.leave(s)
}

func (a *act) wsOpened(s *stage) {
	a.conclude()
	a.told.WS, a.opened = a.all.WS, true
	opened := traffic.WSOpened{Exchange: &a.told}
	a.last = opened.At()
	s.to.Observe(opened)
}

// conclude fills in what the last event announces. What was announced before may
// be read by others now, and is not touched.
func (a *act) conclude() {
	t := &a.told
	if t.RequestDone < 0 {
		t.RequestBody = a.all.RequestBody
	}
	if t.Response == nil {
		t.Server = a.all.Server
	} else {
		t.Response.Trailer = a.all.Response.Trailer
	}
	t.ResponseBody = a.all.ResponseBody
	t.Sent, t.SentBody, t.Received, t.ReceivedBody = a.all.Sent, a.all.SentBody, a.all.Received, a.all.ReceivedBody
	t.Duration, t.Timing, t.Failure = a.all.Duration, a.all.Timing, a.all.Failure
	t.Duration = max(t.Duration, t.RequestDone, t.ResponseStarted)
	t.Rules, t.Tags = a.all.Rules, a.all.Tags
}

// leave forgets an exchange that has ended.
func (a *act) leave(s *stage) {
	a.all.ReleaseBodies()
	delete(s.acts, a.id)
}

// frame tells a frame, not before what was told last, whatever the recording says.
func (a *act) frame(s *stage, f *traffic.Frame) {
	if f.Last.Before(a.last) {
		f.First, f.Last = a.last, a.last
	}
	a.last = f.Last
	a.frames[f.Dir]++
	f.Exchange, f.Seq = &a.told, a.frames[0]+a.frames[1]
	s.to.Observe(traffic.FrameSeen{Frame: f})
}

// closed tells that a WebSocket connection has ended.
func (a *act) closed(s *stage, end *traffic.WSClose) {
	end.Duration = max(end.Duration, a.last.Sub(a.told.Started))
	s.to.Observe(traffic.WSClosed{Exchange: &a.told, Close: end})
	a.leave(s)
}

// breakOff ends an act of which the recording does not say how it ended, or that
// is not played to its end.
func (a *act) breakOff(s *stage) {
	after := max(0, s.now-a.start)
	switch {
	case a.all == nil: // a tunnel
		if len(a.cues) == 1 {
			a.cues[0].tell(a, s)
		}
	case a.told.Request == nil: // nobody has heard of it
		a.leave(s)
	case a.opened:
		a.closed(s, &traffic.WSClose{
			Code: wsframe.CloseAbnormal, By: traffic.SideNecto, Cause: string(traffic.FailShutdown),
			Frames: a.frames, Duration: max(after, a.all.Duration),
		})
	default:
		cut := *a.all
		cut.WS, cut.ResponseBody, cut.Duration = nil, nil, after
		cut.Failure = &traffic.Failure{
			Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: "the recording has no end of the exchange",
		}
		a.all = &cut
		a.end(s)
	}
}

// actQueue is a heap of the acts that have cues, by when the next is due; of
// those that are due at once the first to begin comes first.
type actQueue []*act

func (q actQueue) Len() int { return len(q) }
func (q actQueue) Less(i, j int) bool {
	if a, b := q[i].next(), q[j].next(); a != b {
		return a < b
	}
	return q[i].number < q[j].number
}
func (q actQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *actQueue) Push(x any) { *q = append(*q, x.(*act)) }

// Pop implements heap.Interface.
func (q *actQueue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return a
}
