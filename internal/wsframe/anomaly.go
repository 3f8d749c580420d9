package wsframe

import (
	"math/bits"
	"strings"
)

// Anomaly is a set of the ways in which a frame breaks RFC 6455 or RFC 7692.
// The zero value is the empty set: nothing is wrong.
type Anomaly uint32

// What can be wrong with a frame.
const (
	// UnmaskedClient is a frame of the client without a mask, MaskedServer one
	// of the server with one (RFC 6455 section 5.1).
	UnmaskedClient Anomaly = 1 << iota
	MaskedServer
	// ReservedBits are RSV bits that no extension gave a meaning (section 5.2).
	ReservedBits
	// MisplacedRSV1 is RSV1 on a continuation or a control frame (RFC 7692
	// section 6.1).
	MisplacedRSV1
	// ReservedOpcode is an opcode without a meaning (section 5.2).
	ReservedOpcode
	// FragmentedControl and LongControl are control frames without FIN or of
	// more than 125 bytes (section 5.5).
	FragmentedControl
	LongControl
	// NoMessageToContinue is a continuation where no message has begun,
	// MessageInsideMessage a text or binary frame where one has not ended
	// (section 5.4).
	NoMessageToContinue
	MessageInsideMessage
	// NonMinimalLength is a length written longer than needed (section 5.2).
	NonMinimalLength
	// InvalidText is text that is not UTF-8 (section 8.1), told at the frame
	// where the first wrong byte is, or at the last one if the message ends
	// inside a character.
	InvalidText
	// ShortClose is a close frame whose content is a single byte,
	// ForbiddenCloseCode one whose code must not be sent (section 7.4) and
	// InvalidCloseReason one whose reason is not UTF-8 (section 5.5.1).
	ShortClose
	ForbiddenCloseCode
	InvalidCloseReason
	// DataAfterClose is a data frame after the close frame of the same
	// direction (section 5.5.1).
	DataAfterClose
	// BadDeflate is compressed content that cannot be inflated.
	BadDeflate
)

var anomalyTexts = [...]string{
	"unmasked client frame",
	"masked server frame",
	"reserved bits without an extension",
	"RSV1 on a continuation or control frame",
	"reserved opcode",
	"fragmented control frame",
	"control frame over 125 bytes",
	"continuation without a message",
	"new message inside a fragmented one",
	"length not in its shortest form",
	"text is not UTF-8",
	"close payload of 1 byte",
	"forbidden close code",
	"close reason is not UTF-8",
	"data after close",
	"compressed content cannot be inflated",
}

// Texts returns a few words for each anomaly of the set, nil for the empty set.
func (a Anomaly) Texts() []string {
	var texts []string
	for rest := a & (1<<len(anomalyTexts) - 1); rest != 0; rest &= rest - 1 {
		texts = append(texts, anomalyTexts[bits.TrailingZeros32(uint32(rest))])
	}
	return texts
}

// String returns the texts of the set with commas between them, "" for the
// empty set.
func (a Anomaly) String() string { return strings.Join(a.Texts(), ", ") }
