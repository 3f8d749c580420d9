package h2

import (
	"cmp"
	"math"
	"time"

	"golang.org/x/net/http2"
)

// Config says how a connection behaves. The zero value works.
type Config struct {
	// StreamWindow is how many bytes a peer may send on a stream ahead of
	// Stream.Read; 0 means 4 MiB. ConnWindow is the same for the connection, at
	// least 65,535; 0 means 16 MiB.
	StreamWindow, ConnWindow int
	// MaxBuffered is how many bytes at most lie unread in all streams of the
	// connection, at least ConnWindow; 0 means 32 MiB.
	MaxBuffered int
	// MaxStreams is how many streams a peer may have open at a time
	// (SETTINGS_MAX_CONCURRENT_STREAMS); 0 means 1000. It has no meaning for a
	// client.
	MaxStreams uint32
	// MaxHeaderList bounds a head or trailer section: the bytes of names and values
	// and 32 for each field (RFC 9113 section 6.5.2); 0 means 1 MiB. It may also have
	// no more than 1,000 fields. With more than that a request is Head.Cut, and the
	// stream of anything else reset with CodeEnhanceYourCalm; with four times as many
	// bytes the connection ends.
	MaxHeaderList uint32
	// ExtendedConnect makes a server offer extended CONNECT (RFC 8441), and so
	// accept the pseudo-field :protocol.
	ExtendedConnect bool

	// Refused, if not nil, is called by Run for each stream of the peer that was
	// reset before the handler had it: because of its head, or because there were
	// too many.
	Refused func(*StreamError)

	// SettingsTimeout bounds the wait for the preface and the first SETTINGS of
	// the peer, and for its acknowledgement of ours; 0 means 10 s.
	SettingsTimeout time.Duration
	// FrameTimeout bounds the silence inside a frame or a header block; 0 means
	// 1 minute.
	FrameTimeout time.Duration
	// StallTimeout is how long a stream waits for a peer that gives no window
	// before it is reset with CodeCancel, and the connection for a peer that reads
	// nothing before it ends; 0 means 5 minutes, -1 for ever.
	StallTimeout time.Duration
	// IdleTimeout ends a connection in good order that had no stream for so long;
	// 0 means never.
	IdleTimeout time.Duration
	// PingAfter is after how much silence the peer is asked by a PING whether it is
	// still there; the connection ends if SettingsTimeout later nothing came. 0
	// means never.
	PingAfter time.Duration
}

// withDefaults returns cfg with values for what is 0, and within what the
// protocol has room for.
func (cfg Config) withDefaults() Config {
	cfg.StreamWindow = min(cmp.Or(cfg.StreamWindow, 4<<20), maxWindow)
	cfg.ConnWindow = min(max(cmp.Or(cfg.ConnWindow, 16<<20), defaultWindow), maxWindow)
	cfg.MaxBuffered = max(cmp.Or(cfg.MaxBuffered, 32<<20), cfg.ConnWindow)
	cfg.MaxStreams = cmp.Or(cfg.MaxStreams, 1000)
	cfg.MaxHeaderList = cmp.Or(cfg.MaxHeaderList, 1<<20)
	cfg.SettingsTimeout = cmp.Or(cfg.SettingsTimeout, 10*time.Second)
	cfg.FrameTimeout = cmp.Or(cfg.FrameTimeout, time.Minute)
	cfg.StallTimeout = cmp.Or(cfg.StallTimeout, 5*time.Minute)
	return cfg
}

// settings returns what both roles say about themselves.
func (cfg *Config) settings() []http2.Setting {
	return []http2.Setting{
		{ID: http2.SettingInitialWindowSize, Val: uint32(cfg.StreamWindow)},
		{ID: http2.SettingMaxHeaderListSize, Val: cfg.MaxHeaderList},
	}
}

// Settings are what a peer has said about itself (RFC 9113 section 6.5.2, RFC
// 8441 section 3).
type Settings struct {
	HeaderTableSize uint32
	EnablePush      bool
	// MaxStreams is how many streams may be open to the peer at a time; 1<<32 - 1
	// without a limit.
	MaxStreams   uint32
	StreamWindow uint32
	MaxFrameSize uint32
	// MaxHeaderList is the longest header section the peer takes, counted as in
	// Config; 1<<32 - 1 without a limit.
	MaxHeaderList uint32
	// ExtendedConnect means that the peer takes :protocol.
	ExtendedConnect bool
}

// cautiousStreams is how many streams a peer is asked for that has not said yet
// how many it takes (RFC 9113 section 6.5.2 recommends no fewer).
const cautiousStreams = 100

// defaultSettings returns what holds until a peer has said anything.
func defaultSettings() Settings {
	return Settings{
		HeaderTableSize: defaultTableSize,
		EnablePush:      true,
		MaxStreams:      cautiousStreams,
		StreamWindow:    defaultWindow,
		MaxFrameSize:    defaultFrameSize,
		MaxHeaderList:   math.MaxUint32,
	}
}
