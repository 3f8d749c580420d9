package h2

import (
	"encoding/binary"
	"math"
	"time"

	"golang.org/x/net/http2"
)

// maxDebug is how much of a GOAWAY's debug data is kept, in bytes.
const maxDebug = 1 << 10

var errUnread = &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many frames to answer and no answer read"}

// settings takes the peer's settings over, or its acknowledgement of ours.
func (r *reader) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return r.settingsAck()
	}
	if err := r.spend(1 + f.NumSettings()); err != nil {
		return err
	}
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil
	}
	if !r.greeted {
		c.peer.MaxStreams = math.MaxUint32 // unless it says so now
		c.slots.wake()
	}
	if err := f.ForeachSetting(c.apply); err != nil {
		return r.failure(err)
	}
	if c.out.reply(appendSettingsAck(c.out.begin())) {
		return errUnread
	}
	if !r.greeted {
		r.greeted = true
		close(c.settled)
	}
	r.settled()
	return nil
}

// settingsAck notes that the peer knows our settings.
func (r *reader) settingsAck() error {
	if r.acked {
		return r.spend(1)
	}
	r.acked = true
	r.settled()
	return nil
}

// settled ends the wait for SETTINGS when nothing is missing any more.
func (r *reader) settled() {
	if r.greeted && r.acked {
		r.src.greeting = time.Time{}
	}
}

// apply takes one setting over. It is called with c.mu held. Unknown ones are
// ignored (RFC 9113 section 6.5.2), and so is a server's ENABLE_PUSH of 1, which
// other clients let pass as well.
func (c *Conn) apply(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		return err
	}
	switch s.ID {
	case http2.SettingHeaderTableSize:
		c.peer.HeaderTableSize = s.Val
		c.enc.SetMaxDynamicTableSize(min(s.Val, defaultTableSize))
	case http2.SettingEnablePush:
		c.peer.EnablePush = s.Val == 1
	case http2.SettingMaxConcurrentStreams:
		c.peer.MaxStreams = s.Val
		c.slots.wake()
	case http2.SettingInitialWindowSize:
		return c.resizeWindows(int(s.Val))
	case http2.SettingMaxFrameSize:
		c.peer.MaxFrameSize = s.Val
	case http2.SettingMaxHeaderListSize:
		c.peer.MaxHeaderList = s.Val
	case http2.SettingEnableConnectProtocol:
		c.peer.ExtendedConnect = s.Val == 1
	default:
	}
	return nil
}

// resizeWindows changes the windows of all streams by what their first size has
// changed (RFC 9113 section 6.9.2), which may leave them below zero.
func (c *Conn) resizeWindows(size int) error {
	change := size - int(c.peer.StreamWindow)
	c.peer.StreamWindow = uint32(size)
	for _, s := range c.streams {
		s.window += change
		if s.window > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		s.writable.open()
	}
	return nil
}

// windowUpdate lets us send more.
func (r *reader) windowUpdate(f *http2.WindowUpdateFrame) error {
	c, increment := r.c, int(f.Increment)
	c.mu.Lock()
	paid := c.paid > 0
	if paid {
		c.paid--
	}
	ok, known := true, true
	if f.StreamID == 0 {
		c.window += increment
		ok = c.window <= maxWindow
		c.credit.wake()
	} else if s := c.streams[f.StreamID]; s != nil {
		s.window += increment
		ok = s.window <= maxWindow
		s.writable.open()
	} else {
		known = !c.isIdle(f.StreamID)
	}
	c.mu.Unlock()
	switch {
	case !known:
		return broken("WINDOW_UPDATE for the idle stream %d", f.StreamID)
	case !ok && f.StreamID == 0:
		return &ConnError{Code: CodeFlowControl, Reason: "a window of the connection above 2^31-1"}
	case !ok:
		return r.refuse(f.StreamID, CodeFlowControl, "a window above 2^31-1")
	case !paid:
		return r.spend(1)
	}
	return nil
}

// reset ends a stream that the peer has reset.
func (r *reader) reset(f *http2.RSTStreamFrame) error {
	c := r.c
	c.mu.Lock()
	s := c.streams[f.StreamID]
	idle := c.isIdle(f.StreamID)
	var e *StreamError
	early := false
	if s != nil {
		early = c.handle != nil && !s.answered
		unprocessed := c.handle == nil && f.ErrCode == CodeRefusedStream
		e = &StreamError{Stream: s.id, Code: f.ErrCode, Remote: true, Unprocessed: unprocessed}
		c.forget(s, e)
	}
	c.mu.Unlock()
	if idle {
		return broken("RST_STREAM for the idle stream %d", f.StreamID)
	}
	if s == nil {
		return r.spend(1)
	}
	s.lost(e)
	// Who resets what was not answered makes us work for nothing (CVE-2023-44487);
	// who leaves an answer does what clients do.
	if early && !r.resets.spend(1) {
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many streams reset"}
	}
	return nil
}

// ping answers a PING, or takes an answer.
func (r *reader) ping(f *http2.PingFrame) error {
	if err := r.spend(1); err != nil {
		return err
	}
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !f.IsAck() {
		if c.err == nil && c.out.reply(appendPing(c.out.begin(), true, f.Data)) {
			return errUnread
		}
		return nil
	}
	n := binary.BigEndian.Uint64(f.Data[:])
	if answered, ok := c.pings[n]; ok {
		delete(c.pings, n)
		close(answered)
	}
	return nil
}

// goAway notes that the peer takes no more streams; those it has not looked at
// end, and may be sent again elsewhere (RFC 9113 section 6.8).
func (r *reader) goAway(f *http2.GoAwayFrame) error {
	if err := r.spend(1); err != nil {
		return err
	}
	debug := f.DebugData()
	c := r.c
	c.mu.Lock()
	c.goAway = &GoAwayError{Code: f.ErrCode, LastStream: f.LastStreamID, Debug: string(debug[:min(len(debug), maxDebug)])}
	var refused []*Stream
	for id, s := range c.streams {
		if c.handle == nil && id > f.LastStreamID {
			refused = append(refused, s)
			c.forget(s, unprocessed(id))
		}
	}
	c.slots.wakeAll()
	c.endIfDrained()
	c.mu.Unlock()
	for _, s := range refused {
		s.lost(unprocessed(s.id))
	}
	return nil
}
