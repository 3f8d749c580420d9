// Package diff says what is different between two recordings.
//
//	summary, err := diff.Compare(a, b, diff.Options{}, func(x *diff.Exchange) error {
//		...
//	})
//
// Exchanges of the same method and URL are compared in the order in which they
// began: the first with the first, the second with the second. What one of the
// recordings has more of was added or removed. The messages of WebSocket
// connections are compared in each direction by itself, because how the two
// directions interleave differs from run to run.
//
// # Volatile values
//
// Two runs of the same program differ in dates, generated ids, tokens and free
// ports. A pair of values that are different and have the same volatile shape is
// a difference that has a [Change.Shape] and, unless [Options.Strict] is set, does
// not count. The same goes for header fields that are made for one message only,
// such as Date.
//
// # Memory
//
// Of each exchange its key and its place are kept, of each frame its place. Content
// is read for one pair of exchanges at a time; what is over 8 MiB is told by its
// hash.
package diff
