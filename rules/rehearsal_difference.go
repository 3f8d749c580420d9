package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// Difference is something that rules make different in an exchange.
type Difference struct {
	// Path is request.method, request.url, response.status (with the reason phrase),
	// failure, or request or response with .header and the name of a field, or .body;
	// response.trailer and the name of a field.
	Path string
	// From is as it was recorded, To as it would be; nil for what is not there.
	// Several fields of a name are a line each.
	From, To *string
}

// differences gathers them.
type differences []Difference

func (d *differences) text(path, from, to string) {
	if from != to {
		*d = append(*d, Difference{path, &from, &to})
	}
}

// value compares what may not be there: nil.
func (d *differences) value(path string, from, to *string) {
	if from == nil && to == nil || from != nil && to != nil && *from == *to {
		return
	}
	*d = append(*d, Difference{path, from, to})
}

// compareScenes returns what is different. Of a request that came to no origin
// there is nothing to compare.
func compareScenes(was, is *scene) []Difference {
	var d differences
	if is.req != nil {
		d.text("request.method", was.req.Method, is.req.Method)
		d.text("request.url", was.req.URL.String(), is.req.URL.String())
		d.header("request.header.", was.req.Header, is.req.Header)
		d.value("request.body", contentText(was.sent), contentText(is.sent))
	}
	d.value("failure", failureText(was.failure), failureText(is.failure))
	if is.resp == nil {
		return d
	}
	var header, trailer traffic.Fields
	if was.resp != nil {
		header, trailer = was.resp.Header, was.resp.Trailer
	}
	d.value("response.status", statusText(was.resp), statusText(is.resp))
	d.header("response.header.", header, is.resp.Header)
	d.value("response.body", contentText(was.answer), contentText(is.answer))
	d.header("response.trailer.", trailer, is.resp.Trailer)
	return d
}

// framing are the fields that follow from the content, and that the proxy sets.
var framing = []string{"Content-Length", "Transfer-Encoding"}

// header compares fields by name.
func (d *differences) header(path string, from, to traffic.Fields) {
	from, to = from.Without(framing...), to.Without(framing...)
	var seen []string
	for _, f := range slices.Concat(from, to) {
		if slices.ContainsFunc(seen, f.Is) {
			continue
		}
		seen = append(seen, f.Name)
		d.value(path+f.Name, valuesText(from, f.Name), valuesText(to, f.Name))
	}
}

func valuesText(fields traffic.Fields, name string) *string {
	values := fields.Values(name)
	if values == nil {
		return nil
	}
	text := strings.Join(values, "\n")
	return &text
}

func statusText(resp *traffic.Response) *string {
	if resp == nil {
		return nil
	}
	text := strings.TrimSpace(strconv.Itoa(resp.Status) + " " + resp.Reason)
	return &text
}

func contentText(content []byte) *string {
	if len(content) == 0 {
		return nil
	}
	text := string(content)
	return &text
}

func failureText(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}
