package traffic

import (
	"strconv"
	"strings"
)

// SetWireLine lets the response remember the status line, line end included,
// that Proto, Status and Reason were read from.
func (r *Response) SetWireLine(line string) { r.line = line }

// AppendStatusLine appends the status line to dst: the original one if the
// response still says what that line said.
func (r *Response) AppendStatusLine(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, r.Proto...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.Reason...)
	if r.line != "" && strings.TrimRight(r.line, " \r\n") == strings.TrimRight(string(dst[start:]), " ") {
		return append(dst[:start], r.line...)
	}
	return append(dst, "\r\n"...)
}
