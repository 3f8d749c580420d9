package rules

import (
	"context"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

// answer returns the rule's answer, in which t fills in what is a template.
func (m *Mock) answer(ctx context.Context, files *files, t *filler) (*traffic.Response, error) {
	header, err := m.filled(m.Headers, t)
	if err != nil {
		return nil, err
	}
	status := m.Status
	if status == 0 {
		status = http.StatusOK
	}
	if len(m.SSE) > 0 {
		return m.stream(ctx, status, header, t)
	}
	content, kind, err := m.content(files, t)
	if err != nil {
		return nil, err
	}
	if kind != "" && !header.Has("Content-Type") {
		header.Add("Content-Type", kind)
	}
	return newAnswer(status, m.Reason, header, content), nil
}

// filled returns a copy of fields, in which t fills in what is a template.
func (m *Mock) filled(headers Headers, t *filler) (traffic.Fields, error) {
	fields := traffic.Fields(headers).Clone()
	for i := range fields {
		value, err := t.fillIf(m.Template, fields[i].Value)
		if err != nil {
			return nil, err
		}
		fields[i].Value = oneLine(value)
	}
	return fields, nil
}

// content returns the content and the type it has by default.
func (m *Mock) content(files *files, t *filler) (content []byte, kind string, err error) {
	switch {
	case len(m.JSON) > 0 && m.Template:
		content, err = t.fillJSON(nil, gjson.ParseBytes(m.JSON))
		return content, "application/json", err
	case len(m.JSON) > 0:
		return m.JSON, "application/json", nil
	case m.Body != nil:
		text, err := t.fillIf(m.Template, *m.Body)
		return []byte(text), "text/plain; charset=utf-8", err
	case m.Base64 != nil:
		return *m.Base64, "application/octet-stream", nil
	case m.File == "":
		return nil, "", nil
	}
	if content, err = files.read(m.File); err == nil && m.Template {
		var text string
		text, err = t.fill(string(content))
		content = []byte(text)
	}
	return content, typeOf(string(m.File)), err
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
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, value)
}
