package har

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
)

// formContent returns the content of a form of which there are only the fields, or
// why it cannot be known.
func formContent(p *PostData) (content []byte, why string) {
	mediaType, parameters, _ := mime.ParseMediaType(p.MimeType)
	if mediaType == "multipart/form-data" {
		return multipartContent(p.Params, parameters["boundary"])
	}
	if mediaType != "" && mediaType != "application/x-www-form-urlencoded" {
		return nil, "they are of " + mediaType
	}
	var b strings.Builder
	for i, param := range p.Params {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(param.Name) + "=" + url.QueryEscape(param.Value))
	}
	return []byte(b.String()), ""
}

func multipartContent(params []Param, boundary string) (content []byte, why string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		return nil, "the boundary is missing"
	}
	for _, param := range params {
		if param.FileName != "" && param.Value == "" {
			return nil, "what was in the file is missing"
		}
		disposition := multipart.FileContentDisposition(param.Name, param.FileName)
		if param.FileName == "" {
			disposition = strings.TrimSuffix(disposition, `; filename=""`)
		}
		header := textproto.MIMEHeader{"Content-Disposition": {disposition}}
		if param.ContentType != "" {
			header.Set("Content-Type", param.ContentType)
		}
		part, err := w.CreatePart(header)
		if err != nil {
			return nil, err.Error()
		}
		if _, err := part.Write([]byte(param.Value)); err != nil {
			return nil, err.Error()
		}
	}
	if err := w.Close(); err != nil {
		return nil, err.Error()
	}
	return b.Bytes(), ""
}
