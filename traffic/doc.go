// Package traffic is the model every other package shares: what an exchange
// is, how a header is kept, which events exist and who may look at them. It
// imports nothing of necto's and has no wire format of its own; record, har and
// eventserver each map these types to theirs.
//
// Two one-method interfaces carry the program. What answers or changes a
// request is a [RoundTripper]; what only watches is an [Observer]:
//
//	tee := traffic.Tee{recorder, counter}
//	tee.Observe(traffic.ExchangeDone{Exchange: x})
//
// # Frozen values
//
// Events point at one [Exchange] that grows while it runs. Each of its fields is
// written once, before the event that announces it, and never changed
// afterwards, so an observer may keep the pointer and read, from any goroutine,
// the fields that its event has announced. [ExchangeDone] and [ExchangeAborted]
// announce all of them.
//
// # Order
//
// For one exchange [RequestStarted] comes first and exactly one of
// [ExchangeDone], [ExchangeAborted] and [WSClosed] comes last. WSClosed has
// [WSOpened] before it, and between them a [FrameSeen] for each frame, whose Seq
// counts from 1 without a gap over both directions. [RuleApplied] and the
// events of breakpoints come anywhere between the first and the last. At never
// runs backwards within an exchange. Across exchanges there is no order.
package traffic
