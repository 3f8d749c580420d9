package har

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"
)

// QueryString returns the parameters of a query, which is what follows the "?",
// decoded, in order, with duplicates. What cannot be decoded is left as it is.
func QueryString(query string) []Pair {
	if query == "" {
		return nil
	}
	var pairs []Pair
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter != "" {
			name, value, _ := strings.Cut(parameter, "=")
			pairs = append(pairs, Pair{Name: unescape(name), Value: unescape(value)})
		}
	}
	return pairs
}

func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// FormParams returns the fields of a form that is urlencoded or multipart, by its
// Content-Type; nil for any other content. Of a multipart form that was cut it
// returns the fields that are whole. A file that is not text
// has an empty value.
func FormParams(contentType string, content []byte) []Param {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		var params []Param
		for _, p := range QueryString(string(content)) {
			params = append(params, Param{Name: p.Name, Value: p.Value})
		}
		return params
	case "multipart/form-data":
		return multipartParams(content, parameters["boundary"])
	}
	return nil
}

func multipartParams(content []byte, boundary string) []Param {
	if boundary == "" {
		return nil
	}
	var params []Param
	for r := multipart.NewReader(bytes.NewReader(content), boundary); ; {
		part, err := r.NextRawPart()
		if err != nil {
			return params // the end, or what cannot be read
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return params
		}
		p := Param{Name: part.FormName(), FileName: part.FileName(), ContentType: part.Header.Get("Content-Type")}
		if p.FileName == "" || utf8.Valid(value) {
			p.Value = string(value)
		}
		params = append(params, p)
	}
}
