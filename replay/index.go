package replay

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxMisses is how many misses an Index remembers.
const maxMisses = 100

// Options says how an Index answers. The zero value answers at once and tells
// nobody of misses.
type Options struct {
	// Timing is when answers are sent.
	Timing Timing
	// Filter selects what is served, WebSocket connections by their handshake; nil
	// is for all. What it leaves out does not exist: it is in no count.
	Filter *filter.Filter
	// Ignore names what is not compared beside what never is: values that change
	// from run to run.
	Ignore []Field
	// Protos describe messages of gRPC, which are compared as JSON then, as are
	// those that a server describes by reflection in the recordings. Nil describes
	// nothing.
	Protos *protoset.Set
	// OnMiss is called for each miss, from the goroutine that asked, possibly
	// from several at once; nil means nobody is told.
	OnMiss func(Miss)

	// WSMode is when recorded frames of a WebSocket conversation are sent, and
	// WSEnd what happens after the last of them.
	WSMode WSMode
	WSEnd  WSEnd
	// WSStrict closes a conversation with 1008 when the client says something
	// else than in the recording, which then counts as a miss.
	WSStrict bool
	// Root is the folder that has the recordings, which then neither their names nor
	// what is beside them leads out of; nil is for any path. It may be closed once they
	// are loaded.
	Root *os.Root
	// OnDivergence is called for each message of a client that differs from the
	// recording, possibly from several goroutines at once; nil means nobody is
	// told.
	OnDivergence func(Divergence)
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// Stats counts what an Index holds and did.
type Stats struct {
	// Exchanges can be served, and so can WebSockets, which are connections.
	Exchanges, WebSockets int
	// Failed exchanges were recorded without a complete request and answer,
	// Pending ones without an end; neither is served.
	Failed, Pending int
	// Served and Missed count requests since Load, Divergences messages of
	// WebSocket clients that differed from the recording. One that closed its
	// conversation (see Options.WSStrict) counts as missed, too.
	Served, Missed, Divergences int64
}

// Index answers requests from recordings. Create it with Load. Its methods may
// be called concurrently.
type Index struct {
	opts Options // with a Log

	// Written by Load only.
	files []*record.File
	names []string // base names of files
	// tolerance says what is not compared: secrets not if a file is redacted.
	tolerance tolerance
	places    []place // in the order of their first exchange
	table     *table
	stats     Stats // without what counts since Load
	// conversations are those of WebSocket connections, by the line that opened
	// them.
	conversations map[position]*conversation
	// turns has *turns, of gRPC calls, by the first line of their slot.
	turns sync.Map

	cache                    *cache
	served, missed, diverged atomic.Int64

	missesMu sync.Mutex
	misses   []Miss // guarded by missesMu

	clients clients
}

// place is a scheme and an authority that were recorded.
type place struct {
	key       key
	authority string // in normal form
}

func newIndex(o Options) *Index {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	x := &Index{opts: o, conversations: make(map[position]*conversation), cache: newCache()}
	x.tolerance.ignore(o.Ignore)
	x.tolerance.protos = o.Protos
	return x
}

// RoundTrip answers req with the recorded exchange of the same method, URL and
// content, or with a 501 that explains the miss. Its error is that of
// req.Informational, or a *traffic.Failure: of the client, whose request could
// not be read or who left while the answer waited for its time, or of necto,
// which could not read a body again that was there before. The fields of a response are shared by
// all that get the same answer: whoever changes them clones them first.
func (x *Index) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	return x.answer(ctx, req, false)
}

// Origin returns a RoundTripper over the same exchanges, and the same places in
// their sequences, that does not compare scheme and authority: for clients
// whose base URL points at necto. The origin that Host names comes first, then
// the others in the order of their first exchange.
func (x *Index) Origin() traffic.RoundTripper {
	return traffic.RoundTripperFunc(func(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
		return x.answer(ctx, req, true)
	})
}

// Knows reports whether something was recorded of a host, without case and port.
func (x *Index) Knows(host string) bool {
	host = strings.ToLower(host) + " "
	return slices.ContainsFunc(x.places, func(p place) bool { return strings.HasPrefix(p.authority, host) })
}

// Stats returns the counts so far.
func (x *Index) Stats() Stats {
	s := x.stats
	s.Served, s.Missed, s.Divergences = x.served.Load(), x.missed.Load(), x.diverged.Load()
	return s
}

// Misses returns the misses so far, the first 100 of them.
func (x *Index) Misses() []Miss {
	x.missesMu.Lock()
	defer x.missesMu.Unlock()
	return append([]Miss(nil), x.misses...)
}

// Close closes the recordings. Answers that are still being read fail.
func (x *Index) Close() error {
	var errs []error
	for _, f := range x.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// EndConversations closes the WebSocket connections that are open, and those that
// are still to be opened at once, with 1001: the run is about to end. It does not
// wait for them.
func (x *Index) EndConversations() { x.clients.end() }

// find returns the slot of a partial key, nil if there is none. If anywhere,
// any place will do.
func (x *Index) find(u traffic.URL, partial key, anywhere bool) *slot {
	if !anywhere {
		return x.table.find(partial.at(placeKey(u)))
	}
	authority := string(appendAuthority(nil, u))
	for i := range x.places {
		if x.places[i].authority == authority {
			if s := x.table.find(partial.at(x.places[i].key)); s != nil {
				return s
			}
		}
	}
	for i := range x.places {
		if s := x.table.find(partial.at(x.places[i].key)); s != nil {
			return s
		}
	}
	return nil
}

// answer finds and serves the exchange for req, or explains why there is none.
func (x *Index) answer(ctx context.Context, req *traffic.Request, anywhere bool) (*traffic.Response, error) {
	if isHandshake(req.Method, req.Header) {
		return x.handshake(ctx, req, anywhere)
	}
	if err := sendContinue(req); err != nil {
		return nil, err
	}
	if isCall(req.Method, req.Header) {
		return x.answerCall(ctx, req, anywhere)
	}
	c, err := readContent(req, &x.tolerance)
	if err != nil {
		return nil, readFailure(err)
	}
	number, ok := x.choose(req, c, anywhere)
	if !ok {
		return x.miss(req, c, anywhere, ""), nil
	}
	return x.recall(ctx, req, c, number, anywhere)
}

// recall serves the answer in a line.
func (x *Index) recall(ctx context.Context, req *traffic.Request, c content, number uint32, anywhere bool) (*traffic.Response, error) {
	a, err := x.prepared(number)
	if err != nil {
		return x.miss(req, c, anywhere, err.Error()), nil
	}
	x.served.Add(1)
	return x.serve(ctx, req, a)
}

// choose returns the number of the line that answers.
func (x *Index) choose(req *traffic.Request, c content, anywhere bool) (uint32, bool) {
	number, ok := x.chooseBy(&x.tolerance, req, c.digest, anywhere)
	if loose, more := x.tolerance.loosened(); !ok && more {
		return x.chooseBy(loose, req, c.loosen(req.Header.Get("Content-Type"), loose).digest, anywhere)
	}
	return number, ok
}

// chooseBy returns the number of the line that answers. HEAD is answered by a GET
// that was recorded if it was not itself, which leaves the GET's turn alone.
func (x *Index) chooseBy(tol *tolerance, req *traffic.Request, body digest, anywhere bool) (uint32, bool) {
	if s := x.find(req.URL, partialKey(req.Method, req.URL.Target, body, tol), anywhere); s != nil {
		return s.next(), true
	}
	if req.Method == "HEAD" {
		if s := x.find(req.URL, partialKey("GET", req.URL.Target, body, tol), anywhere); s != nil {
			return s.peek(), true
		}
	}
	return 0, false
}

// sendContinue tells a client that waits for it to go on with its content,
// which matching has to see (RFC 9110 section 10.1.1).
func sendContinue(req *traffic.Request) error {
	if req.Body == nil || req.Informational == nil || !req.Header.HasToken("Expect", "100-continue") {
		return nil
	}
	return req.Informational(&traffic.Response{Status: 100, Reason: "Continue", Proto: "HTTP/1.1"})
}
