package record

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// ErrExists is wrapped by the error of Create for a file that has content.
var ErrExists = errors.New("file exists and is not empty")

// ErrRedaction is wrapped by the error of Create for an Append to a recording that
// was begun with another redaction: replay could not tell in which of its runs
// secrets are to be compared.
var ErrRedaction = errors.New("the recording was begun with another redaction")

// flushSize is how many bytes of lines are written at once.
const flushSize = 256 << 10

// Options says how a recording is written. The zero value works.
type Options struct {
	// Append goes on with the recording that is there, if there is one; Force
	// replaces it with its bodies. Only one of them may be set.
	Append, Force bool
	// Redaction is "auto" (also "") to replace secrets by marks, or "off".
	Redaction string
	// Redact has secrets that are replaced beside the usual ones if Redaction is
	// "auto". Writer.Redact puts others in their place.
	Redact []Pattern
	// InlineMax is how many bytes of decoded content stay in the line; what is
	// longer goes to the sidecar folder. 0 means 64 KiB.
	InlineMax int64
	// Session is the ULID of the run, "" for a new one.
	Session string
	// HARProfile is how a HAR is written; see Create.
	HARProfile har.Profile
	// Filter says what is written, nil for everything. An exchange is judged when
	// it ends, or when it gets a line before that; a frame by itself, and its
	// connection is written with the first of them.
	Filter *filter.Filter
	// Protos describe messages of gRPC, which the filter sees as JSON then; nil
	// describes nothing.
	Protos *protoset.Set
	// ToolVersion, Mode and Listen are noted in the meta line.
	ToolVersion, Mode, Listen string
	// Log is told about bodies that could not be kept whole; nil discards it.
	Log *slog.Logger
}

// Counts says what a Writer has written.
type Counts struct {
	// Exchanges counts exchanges that ended, Errors those of them that failed,
	// Open those still running.
	Exchanges, Errors, Open int64
	// WebSockets counts handshakes that opened a WebSocket connection, which are
	// no Exchanges, and Frames the frames of all of them.
	WebSockets, Frames int64
	// BytesUp and BytesDown count content of requests and responses, transfer
	// coding undone and content coding kept, of exchanges that ended, and
	// payload of frames as on the wire.
	BytesUp, BytesDown int64
	// Cut counts bodies of which only the beginning was captured.
	Cut int64
	// LeftOut counts exchanges, connections, frames, tunnels and handshakes that
	// the filter did not let through.
	LeftOut int64
}

// Writer writes a recording. It is a traffic.Observer that never loses an event:
// Observe waits if the disk cannot keep up. All methods may be called from
// several goroutines.
type Writer struct {
	queue  *queue
	failed chan struct{}
	done   chan struct{}
	closed sync.Once
	redact atomic.Pointer[patterns] // what the writing goroutine is to use, nil for no news

	mu     sync.Mutex // guards err and counts
	err    error
	counts Counts

	// The writing goroutine's, and Close's after it:

	out  *output
	enc  encoder
	log  *slog.Logger
	buf  []byte // whole lines
	open openExchanges
	pick selection
	seen Counts
}

// Observe adds what e says to the recording. It returns at once unless the queue
// is full. After a write error or Close it does nothing.
func (w *Writer) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.RequestStarted, traffic.TLSFailed, traffic.TunnelClosed, traffic.WSClosed:
		w.queue.push(e, 0)
	case traffic.FrameSeen:
		w.queue.pushFrame(e.Frame)
	case traffic.RequestDone:
		if e.RequestBody != nil {
			w.push(e, e.RequestBody)
		}
	case traffic.ExchangeDone:
		w.push(e, e.RequestBody, e.ResponseBody, e.SentBody, e.ReceivedBody)
	case traffic.ExchangeAborted:
		w.push(e, e.RequestBody, e.ResponseBody, e.SentBody, e.ReceivedBody)
	case traffic.WSOpened:
		w.push(e, e.RequestBody, e.ResponseBody, e.SentBody, e.ReceivedBody)
	default: // has no line
	}
}

// push queues an event whose bodies the writer must find later.
func (w *Writer) push(e traffic.Event, bodies ...*traffic.Body) {
	bytes := int64(0)
	for _, b := range bodies {
		bytes += keep(b)
	}
	if !w.queue.push(e, bytes) {
		for _, b := range bodies {
			b.Release()
		}
	}
}

// keep takes a reference on b, which may be nil, and returns how much memory
// that holds.
func keep(b *traffic.Body) int64 {
	if b == nil {
		return 0
	}
	b.Keep()
	p, _ := b.Bytes()
	return int64(len(p))
}

// Redact replaces Options.Redact for all that is observed from now on, and for
// what waits to be written; lines that are written stay as they are. The error says
// which Pattern cannot be used: then nothing changes.
func (w *Writer) Redact(also []Pattern) error {
	p, err := compilePatterns(also)
	if err != nil {
		return err
	}
	w.redact.Store(&p)
	return nil
}

// Failed returns a channel that is closed at the first write error. From then on
// nothing is written: the run should be stopped.
func (w *Writer) Failed() <-chan struct{} { return w.failed }

// Err returns the first write error, nil if there was none.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Counts returns what was written so far.
func (w *Writer) Counts() Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

// Close ends the recording: what was observed is written, exchanges still running
// get a pending line, then comes the end line. It returns the first error of the
// whole recording, also when it is called again.
func (w *Writer) Close() error {
	w.closed.Do(func() {
		w.queue.close()
		<-w.done
		w.finish()
	})
	return w.Err()
}

func (w *Writer) finish() {
	if w.Err() == nil {
		w.enc.useNews(&w.redact)
		now := time.Now()
		w.writePending(w.open.becomeOld(now, 0, w.pick.wantsPending))
		w.buf = w.enc.appendEnd(w.buf, now, w.seen)
		w.flush()
	}
	w.open.release()
	w.fail(w.enc.bodies.sidecar.close())
	w.fail(w.out.finish())
}

// fail notes the first error, if err is one, and stops the recording.
func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.err == nil {
		w.err = err
		close(w.failed)
		w.queue.close()
	}
}

// run is the writing goroutine.
func (w *Writer) run() {
	defer close(w.done)
	var b batch
	for more := true; more; {
		b, more = w.queue.take(w.open.patience(), b)
		w.enc.useNews(&w.redact)
		now := time.Now()
		for _, e := range b.events {
			w.handle(e, now)
		}
		if w.open.due(now) {
			w.writePending(w.open.becomeOld(now, pendingAfter, w.pick.wantsPending))
		}
		w.flush()
	}
}

func (w *Writer) handle(e traffic.Event, now time.Time) {
	switch e := e.(type) {
	case traffic.RequestStarted:
		w.open.begin(e.Exchange, now)
	case traffic.RequestDone:
		w.open.requestDone(e.Exchange)
	case traffic.ExchangeDone:
		w.ended(e.Exchange)
	case traffic.ExchangeAborted:
		w.ended(e.Exchange)
	case traffic.WSOpened:
		w.opened(e.Exchange)
	case traffic.FrameSeen:
		w.frame(e.Frame)
	case traffic.WSClosed:
		if first, write := w.pick.closed(e); w.begin(first) && w.picked(write) {
			w.buf = w.enc.appendClosed(w.buf, e)
		}
	case traffic.TLSFailed:
		if w.picked(w.pick.wants(&filter.Subject{TLSFailed: &e})) {
			w.buf = w.enc.appendTLSFailed(w.buf, e)
		}
	case traffic.TunnelClosed:
		if w.picked(w.pick.wants(&filter.Subject{Tunnel: e.Tunnel})) {
			w.buf = w.enc.appendTunnel(w.buf, e.Tunnel)
		}
	default: // was not queued
	}
	if len(w.buf) >= flushSize {
		w.flush()
	}
}

// picked counts what the filter does not let through. It returns write.
func (w *Writer) picked(write bool) bool {
	if !write {
		w.seen.LeftOut++
	}
	return write
}

// begin writes the ws.open line of a connection that the filter has let through
// only now, nil for none. It returns true.
func (w *Writer) begin(first *traffic.Exchange) bool {
	if first != nil {
		w.seen.LeftOut--
		w.openLine(first)
	}
	return true
}

func (w *Writer) ended(x *traffic.Exchange) {
	pending := w.open.end(x.ID)
	if !w.picked(pending || w.pick.wantsExchange(x)) {
		x.ReleaseBodies()
		return
	}
	w.line(func(dst []byte) ([]byte, error) { return w.enc.appendExchange(dst, x) })
	w.seen.Exchanges++
	if x.Failure != nil {
		w.seen.Errors++
	}
	w.seen.BytesUp += w.account(x, x.RequestBody)
	w.seen.BytesDown += w.account(x, x.ResponseBody)
	x.SentBody.Release()
	x.ReceivedBody.Release()
}

// opened ends an exchange whose connection goes on with frames.
func (w *Writer) opened(x *traffic.Exchange) {
	w.open.end(x.ID)
	if w.picked(w.pick.opened(x)) {
		w.openLine(x)
	}
	w.seen.BytesUp += w.account(x, x.RequestBody)
	w.seen.BytesDown += w.account(x, x.ResponseBody)
	x.SentBody.Release()
	x.ReceivedBody.Release()
}

func (w *Writer) openLine(x *traffic.Exchange) {
	w.line(func(dst []byte) ([]byte, error) { return w.enc.appendOpened(dst, x) })
	w.seen.WebSockets++
}

func (w *Writer) frame(f *traffic.Frame) {
	if first, write := w.pick.frame(f); !w.begin(first) || !w.picked(write) {
		return
	}
	w.line(func(dst []byte) ([]byte, error) { return w.enc.appendFrame(dst, f) })
	w.seen.Frames++
	if f.Dir == traffic.ClientToServer {
		w.seen.BytesUp += f.Length
	} else {
		w.seen.BytesDown += f.Length
	}
}

// account gives a body back and returns its size.
func (w *Writer) account(x *traffic.Exchange, b *traffic.Body) int64 {
	if b == nil {
		return 0
	}
	if err := b.Err(); err != nil {
		w.log.Warn("body not kept whole", "exchange", uint64(x.ID), "size", b.Size(), "err", err)
	}
	if b.Truncated() {
		w.seen.Cut++
	}
	defer b.Release()
	return b.Size()
}

// line adds a line, or nothing if it cannot be made.
func (w *Writer) line(appendTo func([]byte) ([]byte, error)) {
	if w.Err() != nil {
		return
	}
	whole := len(w.buf)
	buf, err := w.enc.again(w.buf, appendTo)
	if w.buf = buf; err != nil {
		w.buf = buf[:whole]
		w.flush()
		w.fail(err)
	}
}

func (w *Writer) writePending(old []openExchange) {
	for _, x := range old {
		w.line(func(dst []byte) ([]byte, error) { return w.enc.appendPending(dst, x.Exchange, x.body) })
	}
}

// write writes whole lines, after which a sink may want bodies elsewhere.
func (w *Writer) write(lines []byte) error {
	err := w.out.write(lines)
	if err == nil && w.out.sink != nil {
		err = w.enc.bodies.sidecar.moveTo(w.out.sink.Bodies())
	}
	return err
}

// flush writes the lines there are and publishes the counts.
func (w *Writer) flush() {
	if len(w.buf) > 0 && w.Err() == nil {
		w.fail(w.write(w.buf))
	}
	w.buf = w.buf[:0]
	w.seen.Open = int64(len(w.open.byID))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts = w.seen
}
