package eventserver

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// entryOf returns the TrafficEntry of an exchange as a client has it that has got
// all events about it so far. Without bodies the members of their content are left
// out; their sizes stay.
func entryOf(k *kept, bodies bool) map[string]json.RawMessage {
	it := k.item()
	entry := map[string]json.RawMessage{}
	merge(entry, it, (*jsonWriter).entry)
	switch k.kind {
	case itemHead:
		merge(entry, it, (*jsonWriter).head)
	case itemDone, itemOpen:
		merge(entry, it, (*jsonWriter).done)
	default: // no more is known
	}
	if k.socket != nil && k.socket.closed != nil {
		end := &item{kind: itemClose, session: k.session, x: k.x, details: k.socket.end()}
		merge(entry, end, (*jsonWriter).socketDone)
	}
	if k.held > 0 {
		entry["isBreakpointed"] = json.RawMessage("true")
	}
	if !bodies {
		delete(entry, "requestBody")
		delete(entry, "responseBody")
	}
	return entry
}

// merge gives entry the members that fn writes, with content in base64.
func merge(entry map[string]json.RawMessage, it *item, fn func(*jsonWriter, *item)) {
	var members map[string]json.RawMessage
	if json.Unmarshal(inline(it, fn), &members) == nil { // it is JSON
		maps.Copy(entry, members)
	}
}

// inline returns what fn writes, with content in base64.
func inline(it *item, fn func(*jsonWriter, *item)) []byte {
	w := jsonWriter{inline: true}
	w.begin(it)
	fn(&w, it)
	return w.text
}

// item returns what is known of the exchange.
func (k *kept) item() *item {
	return &item{kind: k.kind, session: k.session, x: k.x, requestRead: k.requestRead}
}

// end returns what an item has that tells of the end of the connection.
func (s *keptSocket) end() *details { return &details{close: s.closed.Close, at: s.closed.At()} }

// matches reports whether an exchange is one that a filter lets through, which may
// be nil.
func (k *kept) matches(f *filter.Filter) bool {
	if f == nil {
		return true
	}
	s := k.item().subject()
	s.Held = k.held > 0
	return f.Match(s)
}

// parseEntryID reads the id of an exchange: that of its session and its number.
func (s *Server) parseEntryID(id string) (session string, number traffic.ExchangeID, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(id[i+1:], 10, traffic.NodeShift)
	return id[:i], s.history.numberIn(id[:i], traffic.ExchangeID(n)), err == nil
}
