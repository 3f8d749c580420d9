package fleet

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// kind says what a message tells.
type kind string

// The kinds of messages. Those of events have their names.
const (
	kindHello    kind = "hello" // a node is there, and wants to know the others
	kindHere     kind = "here"  // its answer
	kindBye      kind = "bye"
	kindLost     kind = "lost" // the end of exchanges was not told, as the node had no room for it
	kindStarted  kind = "request-started"
	kindRequest  kind = "request-done"
	kindResponse kind = "response-started"
	kindDone     kind = "exchange-done"
	kindAborted  kind = "exchange-aborted"
	kindOpened   kind = "ws-opened"
	kindFrame    kind = "frame-seen"
	kindClosed   kind = "ws-closed"
	kindHit      kind = "breakpoint-hit"
	kindResumed  kind = "breakpoint-resumed"
	kindTimedOut kind = "breakpoint-timed-out"
	kindTLS      kind = "tls-failed"
	kindClient   kind = "client-error"
	kindResume   kind = "resume" // asks the node To
	kindInject   kind = "inject" // asks the node To
	kindAnswer   kind = "answer" // to that
)

// message is what nodes tell each other: an element of a batch.
type message struct {
	Kind kind `json:"kind"`
	// Session and Name are those of the node.
	Session string `json:"session,omitempty"`
	Name    string `json:"name,omitempty"`
	// ID is the number of the exchange, for those that do not have it, and IDs are
	// those whose end was lost.
	ID       uint64             `json:"id,omitempty"`
	IDs      []uint64           `json:"ids,omitempty"`
	Exchange *wireExchange      `json:"exchange,omitempty"`
	Frame    *wireFrame         `json:"frame,omitempty"`
	Close    *traffic.WSClose   `json:"close,omitempty"`
	Hit      *wireHit           `json:"hit,omitempty"`
	TLS      *traffic.TLSFailed `json:"tls,omitempty"`
	Client   *wireClientError   `json:"client,omitempty"`
	// At is when a hit ended, Action and By how.
	At     time.Time            `json:"at,omitzero"`
	Action traffic.ResumeAction `json:"action,omitempty"`
	By     string               `json:"by,omitempty"`
	// To is the node that is asked something, or answered, Call tells the answer,
	// and Error is what was wrong.
	To     uint64             `json:"to,omitempty"`
	Call   string             `json:"call,omitempty"`
	Error  string             `json:"error,omitempty"`
	Resume *traffic.Resume    `json:"resume,omitempty"`
	Inject *traffic.Injection `json:"inject,omitempty"`
}

// parseBatch reads a batch. A message that has not what its kind needs is an error:
// others can write to Redis, too.
func parseBatch(text string) ([]message, error) {
	var batch []message
	if err := json.Unmarshal([]byte(text), &batch); err != nil {
		return nil, err
	}
	for i := range batch {
		if !batch[i].complete() {
			return nil, errors.New("a message of kind " + string(batch[i].Kind) + " is not complete")
		}
	}
	return batch, nil
}

// complete reports whether a message has what its kind needs. Of a kind that this
// version does not know nothing is needed.
func (m *message) complete() bool {
	whole := m.Exchange == nil || m.Exchange.Request != nil
	switch m.Kind {
	case kindStarted, kindDone, kindAborted:
		return whole && m.Exchange != nil
	case kindOpened:
		return whole && m.Exchange != nil && m.Exchange.WS != nil && m.Exchange.Response != nil
	case kindRequest:
		return whole && m.Exchange != nil
	case kindResponse:
		return whole && m.Exchange != nil && m.Exchange.Response != nil
	case kindFrame:
		return m.Frame != nil
	case kindClosed:
		return m.Close != nil
	case kindHit:
		return whole && m.Exchange != nil && m.Hit != nil && m.Hit.complete()
	case kindResumed, kindTimedOut:
		return m.ID != 0
	case kindTLS:
		return m.TLS != nil
	case kindClient:
		return m.Client != nil && m.Client.Failure != nil
	case kindResume:
		return m.Resume != nil
	case kindInject:
		return m.Inject != nil
	default:
		return true
	}
}

func (w *wireHit) complete() bool {
	return w.Request != nil && (w.Phase != traffic.PhaseResponse || w.Response != nil) && (w.Phase != traffic.PhaseFrame || w.Frame != nil)
}
