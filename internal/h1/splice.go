package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// spliceFrom is what has to remain of a body for splice to be worth its set-up.
const spliceFrom = 1 << 20

// canSplice reports whether the rest of the body can go from socket to socket
// without being looked at: its length is known and nobody watches any more.
func (b *Body) canSplice(w io.Writer) bool {
	if b.framing.Kind != ByLength || b.left < spliceFrom || b.r.r < b.r.w {
		return false
	}
	if b.Tap != nil && !b.Tap.Full() {
		return false
	}
	_, toTCP := w.(*net.TCPConn)
	_, fromTCP := b.r.src.(*net.TCPConn)
	return toTCP && fromTCP
}

// splice copies the rest of the body in the kernel where the system can
// (net.TCPConn.ReadFrom).
func (b *Body) splice(w io.Writer) error {
	source := &io.LimitedReader{R: b.r.src, N: b.left}
	n, err := w.(io.ReaderFrom).ReadFrom(source)
	b.left -= n
	if b.Tap != nil {
		b.Tap.Skip(n)
	}
	if b.left == 0 {
		b.done = true
		return nil
	}
	if err == nil {
		b.err = ErrTruncated
		return b.err
	}
	if sourceFailed(b.r.src.(*net.TCPConn)) {
		b.err = err
		return b.err
	}
	return b.writeFailed(err)
}

// sourceFailed tells which side of a failed splice broke, which its error does
// not say. A source whose deadline has passed, that was closed, has ended or was
// reset is broken; one that is well has bytes or is silent. The connection is
// lost either way, so its deadline and a byte of it do not matter.
func sourceFailed(source *net.TCPConn) bool {
	raw, err := source.SyscallConn()
	if err != nil {
		return true
	}
	// RawConn.Read fails without calling its function where the deadline passed.
	if err := raw.Read(func(uintptr) bool { return true }); err != nil {
		return true
	}
	if err := source.SetReadDeadline(time.Now().Add(sourceProbe)); err != nil {
		return true
	}
	var one [1]byte
	_, err = source.Read(one[:])
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// sourceProbe is how long a source may be silent to count as well. One that has
// ended or was reset says so without any delay.
const sourceProbe = 10 * time.Millisecond
