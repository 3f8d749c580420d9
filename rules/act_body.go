package rules

import "github.com/necto-dev/necto/traffic"

// apply returns the content edited.
func (e *BodyEdit) apply(old []byte, files *files) ([]byte, error) {
	switch {
	case e.Text != nil:
		return []byte(*e.Text), nil
	case e.File != "":
		return files.read(e.File)
	case e.Base64 != nil:
		return *e.Base64, nil
	case e.JSON != nil:
		return e.JSON.apply(old)
	}
	for _, r := range e.Replace {
		old = r.Regex.ReplaceAll(old, []byte(r.With))
		if len(old) > maxContent {
			return nil, errTooLong
		}
	}
	return old, nil
}

// replaces reports whether the new content does not depend on the old.
func (e *BodyEdit) replaces() bool { return e.Text != nil || e.File != "" || e.Base64 != nil }

// edit returns content edited, with the header that fits it: the content coding is
// applied again. header is the message's, which may have been edited already. The
// error says why the content cannot be edited.
func (e *BodyEdit) edit(h *holder, header traffic.Fields, files *files) (*holder, error) {
	// Content that is replaced is read as well where that ends: the recording
	// has it, and its connection can be used again.
	old, err := h.content()
	if err != nil && !e.replaces() {
		return nil, err
	}
	content, err := e.apply(old, files)
	if err != nil {
		return nil, err
	}
	out := &holder{body: h.body, header: withoutStale(header), read: true, decoded: content}
	if out.raw, err = encode(out.header, content); err != nil {
		// Nobody knows the coding, so the new content has none.
		out.raw, out.header = content, out.header.Without("Content-Encoding")
	}
	return out, nil
}

// statedLength returns the length that a message with edited content states: none
// where trailer fields follow, which only chunks can have, and where it is edited
// while it passes.
func (h *holder) statedLength(trailer traffic.Fields) int64 {
	if len(trailer) > 0 || h.remade {
		return -1
	}
	return int64(len(h.raw))
}
