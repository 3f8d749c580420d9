package tail

import "strconv"

// closeMeanings has the codes of RFC 6455 section 7.4.1 and those registered
// since.
var closeMeanings = map[int]string{
	1000: "Normal closure",
	1001: "Going away",
	1002: "Protocol error",
	1003: "Unsupported data type",
	1005: "No status code",
	1006: "Abnormal closure (no close frame received)",
	1007: "Invalid payload data",
	1008: "Policy violation",
	1009: "Message too big",
	1010: "Extension missing",
	1011: "Unexpected server error",
	1012: "Service restart",
	1013: "Try again later",
	1014: "Bad gateway",
	1015: "TLS handshake failed",
}

// closeText returns a close code with its meaning.
func closeText(code int) string {
	text := strconv.Itoa(code)
	if meaning := closeMeanings[code]; meaning != "" {
		return text + " " + meaning
	}
	switch {
	case code >= 3000 && code < 4000:
		return text + " Registered by a library"
	case code >= 4000 && code < 5000:
		return text + " Private to the application"
	}
	return text
}
