package replay

import "fmt"

// WSMode is when a recorded WebSocket conversation sends what its server sent.
type WSMode uint8

// The modes.
const (
	// WSTurn, the zero value, sends a frame once the client has sent as many
	// messages as it had before that frame in the recording.
	WSTurn WSMode = iota
	// WSMatch sends what followed a message of the client in the recording each
	// time the client sends an equal message.
	WSMatch
	// WSTimed sends each frame at its recorded time, whatever the client does.
	WSTimed
)

var wsModes = [...]string{WSTurn: "turn", WSMatch: "match", WSTimed: "timed"}

// ParseWSMode reads "turn", "match" or "timed".
func ParseWSMode(s string) (WSMode, error) {
	i, err := indexOf("WebSocket mode", wsModes[:], s)
	return WSMode(i), err
}

// String returns the text that ParseWSMode reads.
func (m WSMode) String() string { return wsModes[m] }

// WSEnd is what happens after the last frame of a conversation.
type WSEnd uint8

// The ends.
const (
	// WSHold, the zero value, keeps the connection open until the client closes
	// it, unless the recorded server closed it.
	WSHold WSEnd = iota
	// WSClose closes with the recorded code, or ends without a close frame if
	// there was none.
	WSClose
	// WSLoop begins again.
	WSLoop
)

var wsEnds = [...]string{WSHold: "hold", WSClose: "close", WSLoop: "loop"}

// ParseWSEnd reads "hold", "close" or "loop".
func ParseWSEnd(s string) (WSEnd, error) {
	i, err := indexOf("WebSocket end", wsEnds[:], s)
	return WSEnd(i), err
}

// String returns the text that ParseWSEnd reads.
func (e WSEnd) String() string { return wsEnds[e] }

func indexOf(what string, names []string, s string) (int, error) {
	for i, name := range names {
		if s == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s %.40q: want %s, %s or %s", what, s, names[0], names[1], names[2])
}
