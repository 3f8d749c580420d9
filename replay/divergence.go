package replay

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/record"
)

// Divergence is a message of a WebSocket client that differs from the recording.
// Values of secret names (see record.IsSecret) do not appear in it where they
// can be told, which is in JSON and in pairs such as token=..., and no control
// characters.
type Divergence struct {
	// ID is that of the recorded exchange which opened the connection, and
	// Recording the file's base name, "" if only one file is loaded.
	ID        uint64
	Recording string
	// URL is the one the client asked for.
	URL string
	// Message is the number of the message among those of the client on this
	// connection, from 1.
	Message int
	// Received is the message. Expected is the recorded one in its place, in
	// WSMatch the nearest; "" if there is none. Binary messages are shown by
	// size and first bytes in hex. Long ones are cut.
	Expected, Received string
	// Differs has a line for each difference in JSON, such as
	// `json.text: recorded "hi", got "bye"`; empty for other messages.
	Differs []string
}

// String returns the divergence as one line.
func (d Divergence) String() string {
	s := d.URL + ": message " + strconv.Itoa(d.Message) + " of the client "
	if d.Expected == "" {
		return s + "was not recorded: " + d.Received
	}
	s += "differs from " + d.Recording + "#" + strconv.FormatUint(d.ID, 10)
	if len(d.Differs) > 0 {
		s += " in " + d.Differs[0]
	}
	return s + " (expected " + d.Expected + ", received " + d.Received + ")"
}

// hidden is shown in place of a secret value.
const hidden = "***"

// hideMembers appends JSON texts to dst without the values of secret names. It
// keeps them as they are if there are none.
func hideMembers(dst, texts []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(texts))
	decoder.UseNumber()
	out := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	found := false
	for {
		var v any
		if err := decoder.Decode(&v); err != nil {
			if err == io.EOF && !found {
				return append(dst, texts...)
			}
			return bytes.TrimRight(out.Bytes(), "\n")
		}
		found = hideBelow(v, false) || found
		_ = encoder.Encode(v) // it was JSON
	}
}

// hideBelow replaces the strings and numbers below secret names. It reports
// whether there were any.
func hideBelow(v any, secret bool) bool {
	found := false
	hide := func(child any, name string) (any, bool) {
		below := secret || record.IsSecret(name)
		if below && isRedacted(child) {
			return hidden, true
		}
		return child, hideBelow(child, below)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			var hit bool
			v[name], hit = hide(child, name)
			found = found || hit
		}
	case []any:
		for i, child := range v {
			var hit bool
			v[i], hit = hide(child, "")
			found = found || hit
		}
	}
	return found
}

// hidePairs returns a query or form without the values of secret names.
func hidePairs(s string) string {
	pieces := strings.Split(s, "&")
	for i, piece := range pieces {
		if name, _, ok := strings.Cut(piece, "="); ok && record.IsSecret(unescape(name)) {
			pieces[i] = name + "=" + hidden
		}
	}
	return strings.Join(pieces, "&")
}
