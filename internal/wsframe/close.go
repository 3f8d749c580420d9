package wsframe

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes of RFC 6455 section 7.4.1 that necto itself uses. NoStatus and
// Abnormal are never on the wire: a close frame without a code, and a connection
// that ended without a close frame.
const (
	CloseNormal          = 1000
	CloseGoingAway       = 1001
	CloseProtocolError   = 1002
	CloseNoStatus        = 1005
	CloseAbnormal        = 1006
	ClosePolicyViolation = 1008
	CloseTooBig          = 1009
	CloseInternalError   = 1011
)

// maxReason is the most bytes a close frame has for the reason.
const maxReason = MaxControlPayload - 2

// ValidCloseCode reports whether a close frame may carry the code: those
// registered with IANA up to 1014, and 3000 to 4999.
func ValidCloseCode(code int) bool {
	switch {
	case code < 1000, code == 1004, code == CloseNoStatus, code == CloseAbnormal:
		return false
	default:
		return code <= 1014 || code >= 3000 && code <= 4999
	}
}

// CloseText returns the meaning of a close code in a few words for people, ""
// for one without a registered meaning.
func CloseText(code int) string { return closeTexts[code] }

// closeTexts has the codes of RFC 6455 section 7.4.1 and those registered since.
var closeTexts = map[int]string{
	CloseNormal:          "Normal closure",
	CloseGoingAway:       "Going away",
	CloseProtocolError:   "Protocol error",
	1003:                 "Unsupported data type",
	CloseNoStatus:        "No status code",
	CloseAbnormal:        "Abnormal closure (no close frame received)",
	1007:                 "Invalid payload data",
	ClosePolicyViolation: "Policy violation",
	CloseTooBig:          "Message too big",
	1010:                 "Extension missing",
	CloseInternalError:   "Unexpected server error",
	1012:                 "Service restart",
	1013:                 "Try again later",
	1014:                 "Bad gateway",
	1015:                 "TLS handshake failed",
}

// ParseClose reads the payload of a close frame. An empty payload, and one of a
// single byte, give CloseNoStatus. What is wrong with it is told, but code and
// reason are returned as they came.
func ParseClose(payload []byte) (code int, reason string, wrong Anomaly) {
	switch len(payload) {
	case 0:
		return CloseNoStatus, "", 0
	case 1:
		return CloseNoStatus, "", ShortClose
	}
	code = int(binary.BigEndian.Uint16(payload))
	if !ValidCloseCode(code) {
		wrong |= ForbiddenCloseCode
	}
	if !utf8.Valid(payload[2:]) {
		wrong |= InvalidCloseReason
	}
	return code, string(payload[2:]), wrong
}

// AppendClose appends the payload of a close frame to dst: nothing for
// CloseNoStatus, else the code and the reason, which is cut between two
// characters if it is longer than the 123 bytes there are.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == CloseNoStatus {
		return dst
	}
	if len(reason) > maxReason {
		cut := maxReason
		for cut > maxReason-utf8.UTFMax && !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}
