package channel

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
)

// NewToken returns a random token of 128 bits.
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// isToken compares without telling by its time how much is right.
func (c *Channel) isToken(s string) bool {
	want, got := sha256.Sum256([]byte(c.opts.Token)), sha256.Sum256([]byte(s))
	return c.opts.Token != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

var (
	errMode  = errors.New("mode has the only value broadcast")
	errSince = errors.New("since is no number of an event")
)

// wish is what a client asks for in its URL.
type wish struct {
	// broadcast leaves other clients alone, and is left alone by them.
	broadcast bool
	// numbered asks for the numbers of events, and since for those from that one on.
	numbered bool
	since    uint64
}

// wishOf reads the query of a URL.
func wishOf(query url.Values) (wish, error) {
	w := wish{broadcast: query.Get("mode") == "broadcast", numbered: query.Has("since")}
	if mode := query.Get("mode"); mode != "" && !w.broadcast {
		return w, errMode
	}
	if w.numbered {
		var err error
		if w.since, err = strconv.ParseUint(query.Get("since"), 10, 64); err != nil {
			return w, errSince
		}
	}
	return w, nil
}
