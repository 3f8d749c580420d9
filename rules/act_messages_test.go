package rules

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// zipped returns a message compressed, with its prefix.
func zipped(t testing.TB, message string) string {
	t.Helper()
	content, err := grpcwire.Encoded([]byte(message), "gzip")
	if err != nil {
		t.Fatal(err)
	}
	return string(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(content)), Compressed: true})) + string(content)
}

// unzipped returns messages with their compression undone, and without their prefixes.
func unzipped(t testing.TB, body string, format grpcwire.Format, encoding string) []string {
	t.Helper()
	var messages []string
	for r := grpcwire.NewReader(strings.NewReader(body), format, maxContent); r.Next(); {
		content, err := grpcwire.Decoded(r.Message(), r.Content(), encoding, maxContent)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(content))
	}
	return messages
}

const editOrders = `
  - {name: req, modify: {request: {body: {json: {set: {orderId: "8"}}}}}}
  - {name: seen, match: {body: {json: {orderId: "8"}}}, tag: '{{.JSON.orderId}}'}
  - {name: resp, modify: {response: {body: {json: {set: {total.currency: EUR}, remove: [orderId]}}}}}
`

// euros is an order of editOrders.
const euros = "\x12\x05\x0a\x03EUR"

func TestMessagesAreEdited(t *testing.T) {
	more := string(framed("\x0a\x01a", "\x0a\x01b"))
	for name, test := range map[string]struct {
		contentType, encoding string
		request, answer       string // bodies
		sent, got             []string
	}{
		"unary":      {"application/grpc", "", string(framed(orderBytes("7"))), string(framed(orderBytes("7"))), []string{orderBytes("8")}, []string{euros}},
		"compressed": {"application/grpc", "gzip", zipped(t, orderBytes("7")), zipped(t, ""), []string{orderBytes("8")}, []string{euros}},
		"compressed for once": {
			"application/grpc+proto", "gzip", string(framed(orderBytes("7"))), string(framed("")) + zipped(t, orderBytes("7")),
			[]string{orderBytes("8")},
			[]string{euros, euros},
		},
		"streams":    {"application/grpc", "identity", more, more, []string{orderBytes("8"), orderBytes("8")}, []string{euros, euros}},
		"no message": {"application/grpc", "", "", "", nil, nil},
		"in a browser": {
			"application/grpc-web+proto", "", string(framed(orderBytes("7"))), string(grpcwire.AppendTrailer(framed(""), traffic.Fields{field("grpc-status", "0")})),
			[]string{orderBytes("8")},
			[]string{euros, "grpc-status:0\r\n"},
		},
		"JSON": {
			"application/grpc+json", "", string(framed(`{"orderId":"7", "x" : 1}`)), string(framed(`{"orderId":"7"}`)),
			[]string{`{"orderId":"8", "x" : 1}`},
			[]string{`{"total":{"currency":"EUR"}}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, editOrders, map[string]string{})
			r.Protos = shop(t)
			r.answer = func(*traffic.Request) *traffic.Response {
				return newCallAnswer(test.answer, field("Content-Type", test.contentType), field("Grpc-Encoding", test.encoding))
			}
			req := rpc(t, getOrder, test.contentType)
			req.Header.Add("grpc-encoding", test.encoding)
			req.Header.Add("content-length", "9")
			req.Body, req.Length = traffic.NewMemoryBody([]byte(test.request)), int64(len(test.request))
			resp, body := r.do(t, req)
			format := grpcwire.FormatOf(test.contentType)
			if diff := cmp.Diff(test.sent, unzipped(t, string(r.sentBody), format, test.encoding)); diff != "" {
				t.Errorf("the server got %s", diff)
			}
			if diff := cmp.Diff(test.got, unzipped(t, body, format, test.encoding)); diff != "" {
				t.Errorf("the client got %s", diff)
			}
			if status, ok := grpcwire.StatusIn(resp.Trailer); !ok || status.Name() != "OK" {
				t.Errorf("trailers %v", resp.Trailer)
			}
			if r.sent.Length > 0 || resp.Length > 0 {
				t.Errorf("lengths %d and %d", r.sent.Length, resp.Length)
			}
			if log := r.log.String(); log != "" {
				t.Errorf("told: %s", log)
			}
		})
	}
}

// newCallAnswer returns an answer whose trailers are known at its end, as one of the
// network.
func newCallAnswer(body string, header ...traffic.Field) *traffic.Response {
	resp := &traffic.Response{Status: 200, Header: header, Length: -1}
	resp.Body = io.NopCloser(&endingReader{strings.NewReader(body), func() { resp.Trailer = grpcwire.Status{}.Fields() }})
	return resp
}

// endingReader calls ended at its end.
type endingReader struct {
	io.Reader
	ended func()
}

func (r *endingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		r.ended()
	}
	return n, err
}

// TestEditedMessagesAreMatched by the rules behind, and seen by their templates.
func TestEditedMessagesAreMatched(t *testing.T) {
	r := newRoad(t, editOrders, map[string]string{})
	r.Protos = shop(t)
	r.do(t, rpc(t, getOrder, "application/grpc", orderBytes("7"), orderBytes("9")))
	if diff := cmp.Diff([]string{"req", "seen"}, r.applied()[:2]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"8"}, r.tags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(string(framed(orderBytes("8"), orderBytes("8"))), string(r.sentBody)); diff != "" {
		t.Error(diff)
	}
}

// TestMessagesAreEditedAsTheyPass holds that nobody waits for the message behind.
func TestMessagesAreEditedAsTheyPass(t *testing.T) {
	r := newRoad(t, editOrders, map[string]string{})
	r.Protos = shop(t)
	req, w := callOf(t, "7")
	next := traffic.RoundTripperFunc(func(_ context.Context, req *traffic.Request) (*traffic.Response, error) {
		first := make([]byte, 8)
		_, err := io.ReadFull(req.Body, first)
		if diff := cmp.Diff(framed(orderBytes("8")), first); diff != "" {
			t.Error(diff)
		}
		w.Close()
		return newAnswer(200, "", nil, nil), err
	})
	if _, err := r.Layer(next).RoundTrip(t.Context(), req); err != nil {
		t.Error(err)
	}
}

// TestMessagesThatCannotBeEdited pass as they came, and that is told.
func TestMessagesThatCannotBeEdited(t *testing.T) {
	plain := string(framed(orderBytes("7")))
	set := `json: {set: {orderId: "8"}}`
	for name, test := range map[string]struct {
		path, edit, body, told string
		fields                 []traffic.Field
	}{
		"not described":     {"/a.B/C", set, plain, "method is not described: /a.B/C; --proto names descriptions", nil},
		"a content coding":  {getOrder, set, plain, "content coding", []traffic.Field{field("Content-Encoding", "gzip")}},
		"no message":        {getOrder, set, string(framed("\xff")), "decode shop.v1.GetRequest", nil},
		"no such member":    {getOrder, "json: {set: {id: 8}}", plain, "encode shop.v1.GetRequest", nil},
		"unknown encoding":  {getOrder, set, "\x01\x00\x00\x00\x01x", "decompress message", []traffic.Field{field("Grpc-Encoding", "snappy")}},
		"no JSON any more":  {getOrder, "replace: [{regex: '}', with: ''}]", plain, "encode shop.v1.GetRequest", nil},
		"too long":          {getOrder, set, string(framed(strings.Repeat("x", maxContent+1))), "message over 8 MiB", nil},
		"an empty call":     {getOrder, set, "", "", nil},
		"an edit of no use": {getOrder, "replace: [{regex: none, with: ''}]", plain, "", nil},
	} {
		r := newRoad(t, "- {name: a, modify: {request: {body: {"+test.edit+"}}}}\n", map[string]string{})
		r.Protos = shop(t)
		req := rpc(t, test.path, "application/grpc")
		req.Header = append(req.Header, test.fields...)
		req.Body = traffic.NewMemoryBody([]byte(test.body))
		r.do(t, req)
		if string(r.sentBody) != test.body {
			t.Errorf("%s: %d bytes in place of %d", name, len(r.sentBody), len(test.body))
		}
		if log := r.log.String(); !strings.Contains(log, test.told) || test.told == "" && log != "" {
			t.Errorf("%s: told %s", name, log)
		}
	}
}

// TestAnswersWithoutMessagesStay: clients find their status only if nothing comes behind the
// head.
func TestAnswersWithoutMessagesStay(t *testing.T) {
	r := newRoad(t, editOrders+"  - {name: slow, throttle: {down: 1KiB/s}}\n  - {name: late, match: {when: 'status:200 json:orderId=8'}, modify: {response: {headers: {set: {X-Late: '1'}}}}}\n", map[string]string{})
	r.Protos = shop(t)
	body := traffic.NewMemoryBody(nil)
	r.answer = func(*traffic.Request) *traffic.Response {
		header := append(traffic.Fields{field("Content-Type", "application/grpc")}, grpcwire.Status{Code: 5}.Fields()...)
		return &traffic.Response{Status: 200, Header: header, Length: -1, Body: body}
	}
	resp, err := r.ask(t.Context(), rpc(t, getOrder, "application/grpc", orderBytes("7")))
	if err != nil || resp.Body != io.ReadCloser(body) || resp.Header.Get("X-Late") != "1" {
		t.Errorf("%+v, error %v", resp, err)
	}
}

// TestTrailersOfAnswersThatAreLookedAt come also where nothing is edited, or no content.
func TestTrailersOfAnswersThatAreLookedAt(t *testing.T) {
	for _, rule := range []string{
		"breakpoints: [{name: b, match: {path: /other}, on: response}]\n",
		"rules: [{name: r, modify: {response: {headers: {set: {X-A: '1'}}}}}]\n",
	} {
		s := newStation(t, rule)
		s.answer = func(*traffic.Request) *traffic.Response {
			return newCallAnswer(string(framed("x")), field("Content-Type", "application/grpc"))
		}
		resp, err := s.ask(t.Context(), rpc(t, getOrder, "application/grpc"))
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(resp); body != string(framed("x")) || !resp.Trailer.Has("Grpc-Status") {
			t.Errorf("%s%q, trailers %v", rule, body, resp.Trailer)
		}
	}
}

// TestAnswersOfGateways to calls are no calls.
func TestAnswersOfGateways(t *testing.T) {
	r := newRoad(t, "- {name: a, match: {when: 'status:502 and body:gone'}, modify: {response: {body: {replace: [{regex: gone, with: back}]}}}}\n", map[string]string{})
	r.Protos = shop(t)
	r.answering(502, "gone", field("Content-Type", "text/plain"))
	if _, body := r.do(t, rpc(t, getOrder, "application/grpc", orderBytes("7"))); body != "back" {
		t.Errorf("%q, log %s", body, r.log.String())
	}
}

// TestContentOfCallsIsReplaced as a whole by edits that do not look at it.
func TestContentOfCallsIsReplaced(t *testing.T) {
	r := newRoad(t, "- {name: a, modify: {request: {body: {base64: AAAAAAA=}}}}\n", map[string]string{})
	r.do(t, rpc(t, getOrder, "application/grpc", orderBytes("7")))
	if diff := cmp.Diff(string(framed("")), string(r.sentBody)); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkEditedMessage(b *testing.B) {
	set := mustParse(b, "version: 1\nrules:\n- {name: a, modify: {request: {body: {json: {set: {orderId: '8'}}}}}}\n")
	m := messageEdit{
		edit: set.Rules()[0].Modify.Request.Body, path: getOrder, protos: shop(b), skipped: func(err error) { b.Fatal(err) },
		header: traffic.Fields{field("Content-Type", "application/grpc")},
	}
	content := []byte(orderBytes("7"))
	b.ReportAllocs()
	for b.Loop() {
		m.message(grpcwire.Message{Size: int64(len(content))}, content)
	}
}
