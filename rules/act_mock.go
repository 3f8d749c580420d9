package rules

import (
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// answer returns the rule's answer. fill fills in templates; it is called only
// where the rule has any.
func (m *Mock) answer(files *files, fill func(string) (string, error)) (*traffic.Response, error) {
	if !m.Template {
		fill = func(text string) (string, error) { return text, nil }
	}
	header := traffic.Fields(m.Headers).Clone()
	for i := range header {
		value, err := fill(header[i].Value)
		if err != nil {
			return nil, err
		}
		header[i].Value = oneLine(value)
	}
	status := m.Status
	if status == 0 {
		status = http.StatusOK
	}
	if len(m.SSE) > 0 {
		return m.stream(status, header, fill)
	}
	content, kind, err := m.content(files)
	if err != nil {
		return nil, err
	}
	if m.Template && m.Base64 == nil {
		text, err := fill(string(content))
		if err != nil {
			return nil, err
		}
		content = []byte(text)
	}
	if kind != "" && !header.Has("Content-Type") {
		header.Add("Content-Type", kind)
	}
	return newAnswer(status, m.Reason, header, content), nil
}

// content returns the content and the type it has by default.
func (m *Mock) content(files *files) (content []byte, kind string, err error) {
	switch {
	case len(m.JSON) > 0:
		return m.JSON, "application/json", nil
	case m.Body != nil:
		return []byte(*m.Body), "text/plain; charset=utf-8", nil
	case m.Base64 != nil:
		return *m.Base64, "application/octet-stream", nil
	case m.File != "":
		content, err = files.read(m.File)
		return content, typeOf(string(m.File)), err
	}
	return nil, "", nil
}

// typeOf returns the media type that a file name stands for.
func typeOf(name string) string {
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// oneLine takes out what would end a field: a template may fill in anything.
func oneLine(value string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, value)
}
