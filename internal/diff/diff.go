package diff

import (
	"fmt"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
)

// Kind says how two things compare.
type Kind string

// The kinds of a comparison.
const (
	Same     Kind = "same"
	Volatile Kind = "volatile" // different only in volatile values
	Changed  Kind = "changed"
	Added    Kind = "added"   // only the second has it
	Removed  Kind = "removed" // only the first has it
)

// Options says what counts. The zero value works.
type Options struct {
	// Strict counts volatile values as other differences.
	Strict bool
	// Protos describes messages of gRPC, nil for none. Content of calls that it knows
	// is compared as a list of messages in JSON.
	Protos *protoset.Set
}

// Exchange is how an exchange, or a WebSocket connection with its messages,
// compares.
type Exchange struct {
	Kind Kind
	// Method and URL are those of the first recording if it has the exchange.
	Method, URL string
	// A and B are the numbers in the first and the second recording, 0 for none.
	A, B uint64
	// Changes has what is different, nil unless Kind is Changed or Volatile.
	Changes []Change
	// More is how many changes were left out because there are too many.
	More int
}

// Change is one difference of an exchange.
type Change struct {
	// Path is a JSON pointer (RFC 6901): /request, /response, /error, /messages
	// or /close and what is inside. Names of header fields are in lower case; of
	// content that is JSON, and of messages of gRPC, the path goes on in it, of text with the number of the
	// line from 0.
	Path string
	// Kind is Changed, Added or Removed.
	Kind Kind
	// From and To are what encoding/json makes of the values, nil for the one
	// that is not there.
	From, To any
	// Shape is what makes the values volatile, as "uuid"; "" if they are not.
	Shape string
}

// Summary counts exchanges by how they compare.
type Summary struct {
	Same, Volatile, Changed, Added, Removed int
}

// Different reports whether there is a difference that counts.
func (s Summary) Different() bool { return s.Changed+s.Added+s.Removed > 0 }

func (s *Summary) count(k Kind) {
	switch k {
	case Same:
		s.Same++
	case Volatile:
		s.Volatile++
	case Changed:
		s.Changed++
	case Added:
		s.Added++
	case Removed:
		s.Removed++
	}
}

// Compare calls visit for each exchange, also for those that are the same: first
// for those of a in the order in which they began, then for those that only b has.
// An error of visit ends the comparison and is returned as it is.
func Compare(a, b *record.File, o Options, visit func(*Exchange) error) (Summary, error) {
	var s Summary
	from, err := newSide(a)
	if err != nil {
		return s, fmt.Errorf("compare: %w", err)
	}
	to, err := newSide(b)
	if err != nil {
		return s, fmt.Errorf("compare: %w", err)
	}
	tell := func(x *Exchange) error {
		s.count(x.Kind)
		return visit(x)
	}
	for _, item := range from.items {
		x, err := compareNext(from, to, item, o)
		if err != nil {
			return s, err
		}
		if err := tell(x); err != nil {
			return s, err
		}
	}
	for _, item := range to.items {
		if item.taken {
			continue
		}
		if err := tell(&Exchange{Kind: Added, Method: item.method, URL: item.url, B: item.id}); err != nil {
			return s, err
		}
	}
	return s, nil
}

// compareNext compares an exchange with the next of the same key.
func compareNext(from, to *side, item *item, o Options) (*Exchange, error) {
	x := &Exchange{Kind: Removed, Method: item.method, URL: item.url, A: item.id}
	other := to.take(item.key)
	if other == nil {
		return x, nil
	}
	x.B = other.id
	c := collector{options: o}
	if err := c.compare(from, to, item, other); err != nil {
		return nil, fmt.Errorf("compare exchange %d with %d: %w", item.id, other.id, err)
	}
	x.Kind, x.Changes, x.More = c.verdict(), c.changes, c.more
	return x, nil
}
