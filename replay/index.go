package replay

import (
	"context"
	"errors"
	"log/slog"

	"github.com/necto-dev/necto/traffic"
)

// Options says how an Index answers. The zero value answers at once and tells
// nobody of misses.
type Options struct {
	// Timing is when answers are sent.
	Timing Timing
	// OnMiss is called for each miss, from the goroutine that asked, possibly
	// from several at once; nil means nobody is told.
	OnMiss func(Miss)
	// Log gets life-cycle messages; nil discards them.
	Log *slog.Logger
}

// Stats counts what an Index holds and did.
type Stats struct {
	// Exchanges can be served.
	Exchanges int
	// Failed exchanges were recorded without a usable answer, Pending ones
	// without an end; neither is served.
	Failed, Pending int
	// Served and Missed count requests since Load.
	Served, Missed int64
}

// Index answers requests from recordings. Create it with Load. Its methods may
// be called concurrently.
type Index struct{}

// Load reads the recordings at paths. Exchanges of an earlier path come before
// those of a later one where both answer the same request.
func Load(paths []string, o Options) (*Index, error) { return nil, errors.ErrUnsupported }

// RoundTrip answers req with the recorded exchange of the same method, URL and
// content, or with a 501 that explains the miss.
func (x *Index) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	return nil, errors.ErrUnsupported
}

// Origin returns a RoundTripper over the same exchanges that does not compare
// scheme and authority.
func (x *Index) Origin() traffic.RoundTripper { return x }

// Stats returns the counts so far.
func (x *Index) Stats() Stats { return Stats{} }

// Misses returns the first misses, at most 100.
func (x *Index) Misses() []Miss { return nil }

// Close closes the recordings. Answers that are still being read fail.
func (x *Index) Close() error { return nil }
