package tail

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/necto-dev/necto/record"
)

// maxContent is how much of a body or frame is printed or searched, in bytes. It
// is what recordings decode at most.
const maxContent = 16 << 20

// readContent returns content, nil for none. What is beside the recording is read
// from source.
func readContent(source Source, b *record.EntryBody) ([]byte, error) {
	switch {
	case b == nil:
		return nil, nil
	case b.File == "":
		return b.Inline, nil
	}
	r, err := source.OpenBody(b)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxContent))
}

// indented returns JSON over several lines, false if it is none.
func indented(content []byte) ([]byte, bool) {
	var pretty bytes.Buffer
	if !isJSON(content) || json.Indent(&pretty, content, "", "  ") != nil {
		return nil, false
	}
	return bytes.TrimSpace(pretty.Bytes()), true
}

// prettyPrefix begins the further lines of what is printed over several.
const prettyPrefix = "    "

// lines appends text over several lines, the second and further ones behind a
// prefix.
func (p *printer) lines(content []byte, prefix string) {
	first := true
	for line := range bytes.SplitSeq(content, []byte{'\n'}) {
		if !first {
			p.row.text = append(p.row.text, "\n"+prefix...)
		}
		first = false
		p.row.text = appendSafe(p.row.text, bytes.TrimSuffix(line, []byte{'\r'}))
	}
}
