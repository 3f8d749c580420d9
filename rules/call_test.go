package rules

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// callOf returns a request for shop.v1.Orders/Get whose body goes on behind its
// first message until it is closed.
func callOf(t testing.TB, orderID string) (*traffic.Request, *io.PipeWriter) {
	t.Helper()
	req := request(t, "POST", "http://h/shop.v1.Orders/Get", traffic.Field{Name: "content-type", Value: "application/grpc"})
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	req.Body, req.Length = r, -1
	message := "\x0a" + string(rune(len(orderID))) + orderID
	body := append(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(message))}), message...)
	go func() { _, _ = w.Write(body) }()
	return req, w
}

func TestRulesMatchMessagesOfCalls(t *testing.T) {
	set, err := protoset.Load("../internal/protoset/testdata/api")
	if err != nil {
		t.Fatal(err)
	}
	r := newRoad(t, `
  - name: not there
    match: {body: {json: {orderId: "7"}}}
    mock: {status: 200, headers: {content-type: application/grpc, grpc-status: "5"}}
  - name: tagged
    match: {when: "service:orders json:orderId=8"}
    tag: [eight]
`, map[string]string{})
	r.Protos = set
	req, _ := callOf(t, "7") // it is answered before the client has ended
	resp, _ := r.do(t, req)
	if status, ok := grpcwire.StatusIn(resp.Header); !ok || status.Name() != "NOT_FOUND" {
		t.Errorf("answer %+v", resp)
	}
	req, w := callOf(t, "8")
	time.AfterFunc(10*time.Millisecond, func() {
		_, _ = w.Write([]byte("more"))
		w.Close()
	})
	r.do(t, req)
	if diff := cmp.Diff("\x00\x00\x00\x00\x03\x0a\x018more", string(r.sentBody)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"not there", "tagged"}, r.applied()); diff != "" {
		t.Error(diff)
	}
}
