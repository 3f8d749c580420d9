package rules

import (
	"github.com/necto-dev/necto/traffic"
)

// apply returns the content edited. needs says whether it looks at what there was.
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
	}
	return old, nil
}

// replaces reports whether the new content does not depend on the old.
func (e *BodyEdit) replaces() bool { return e.Text != nil || e.File != "" || e.Base64 != nil }

// editBody returns the content of a message after an edit, and its header, whose
// content coding is applied again. The error says why it cannot be edited.
func (e *BodyEdit) editBody(h *holder, files *files) ([]byte, traffic.Fields, error) {
	var old []byte
	if !e.replaces() {
		var err error
		if old, err = h.content(); err != nil {
			return nil, nil, err
		}
	}
	content, err := e.apply(old, files)
	if err != nil {
		return nil, nil, err
	}
	header := withoutStale(h.header)
	raw, err := encode(header, content)
	if err != nil { // a coding nobody knows: what replaces the content has none
		return content, header.Without("Content-Encoding"), nil
	}
	return raw, header, nil
}
