package tail

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// order is an exchange with everything that details have.
var order = metaLine + `{"type":"http","seq":2,"id":1,"conn":1,` + at(0) + `,"client":"c:1","server":"s:2",` +
	`"request":{"method":"POST","url":"https://a/orders?x=1","proto":"HTTP/1.1","headers":[["Host","a"],["X-Evil","\u001b[2J"]],"body":{"size":10,"text":"{\"item\":1}"}},` +
	`"response":{"status":201,"reason":"Created","proto":"HTTP/1.1","headers":[["Content-Type","text/plain; charset=utf-8"]],` +
	`"body":{"size":9,"text":"one\r\n\ntwo\n"},"trailers":[["X-Sum","1"]],"informational":[{"status":103,"reason":"Early Hints","proto":"HTTP/1.1","headers":[["Link","<a>"]]}]},` +
	`"ms":604.5,"rules":["slow"],"tags":["shop"]}` + "\n"

const orderLine = "[23:44:03.000]  POST     201        9 B   604.5ms  https://a/orders?x=1  (rule slow, tag shop)\n"

func TestDetails(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"neither": {Options{}, ""},
		"headers": {Options{Headers: true}, `    > POST https://a/orders?x=1 HTTP/1.1
    > Host: a
    > X-Evil: \x1b[2J
    < HTTP/1.1 103 Early Hints
    < Link: <a>
    < HTTP/1.1 201 Created
    < Content-Type: text/plain; charset=utf-8
    <
    < X-Sum: 1
`},
		"body": {Options{Body: true}, `    > {"item":1}
    < one
    <
    < two
`},
		"all": {Options{Headers: true, Body: true, Pretty: true}, `    > POST https://a/orders?x=1 HTTP/1.1
    > Host: a
    > X-Evil: \x1b[2J
    >
    > {
    >   "item": 1
    > }
    < HTTP/1.1 103 Early Hints
    < Link: <a>
    < HTTP/1.1 201 Created
    < Content-Type: text/plain; charset=utf-8
    <
    < one
    <
    < two
    <
    < X-Sum: 1
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(orderLine+c.want, printed(t, order, c.o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"empty":      {`{"size":0,"text":""}`, ""},
		"binary":     {`{"size":8,"base64":"iVBORw0KGgo="}`, "    < BINARY 8 B, PNG\n    < 00000000  89 50 4e 47 0d 0a 1a 0a                           |.PNG....|\n"},
		"truncated":  {`{"size":70000,"text":"a","truncated":true}`, "    < a\n    < (cut, 68 KiB in all)\n"},
		"not JSON":   {`{"size":2,"text":"{a"}`, "    < {a\n"},
		"no sidecar": {`{"size":70000,"file":"ab"}`, "    < (its content is in the folder beside the recording)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			recording := metaLine + `{"type":"http","seq":2,"id":1,"conn":1,` + at(0) +
				`,"request":{"method":"GET","url":"http://a/"},"response":{"status":200,"body":` + c.body + `},"ms":1}` + "\n"
			_, got, _ := strings.Cut(printed(t, recording, Options{Body: true, Pretty: true, Hex: true}), "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A body that is beside the recording is printed as far as there is memory for it.
func TestALongBody(t *testing.T) {
	recording := metaLine + `{"type":"http","seq":2,"id":1,"conn":1,` + at(0) +
		`,"request":{"method":"GET","url":"http://a/"},"response":{"status":200,"body":{"size":20971520,"file":"ab"}},"ms":1}` + "\n"
	source := beside{content: strings.Repeat("a", 20<<20)}
	source.Source = NewStream("test", strings.NewReader(recording))
	got := run(t, Options{Body: true}, source)
	if len(got) > maxContent+1024 || !strings.HasSuffix(got, "a\n    < (4.0 MiB more)\n") {
		t.Errorf("%d bytes, the last are %q", len(got), got[max(0, len(got)-100):])
	}
	source = beside{Source: NewStream("test", strings.NewReader(recording)), err: os.ErrPermission}
	if got := run(t, Options{}, source); strings.Count(got, "\n") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestEditedFramesShowWhatTheyWere(t *testing.T) {
	const edited = `"dir":"client-to-server","opcode":1,"fin":true,"length":7,"text":"{\"a\":2}","edited":true,"rules":["two"]`
	recording := metaLine + framed(1, 0, edited+`,"original":{"size":7,"text":"{\"a\":1}"}`) +
		framed(1, 0, edited+`,"original":{"size":4,"base64":"AP8AAA=="}`)
	want := `[23:44:03.000]  -->  {"a":2}  (edited, rule two)
                was  {"a":1}
[23:44:03.000]  -->  {"a":2}  (edited, rule two)
                was  TEXT 4 B
`
	if diff := cmp.Diff(want, printed(t, recording, Options{})); diff != "" {
		t.Error(diff)
	}
}
