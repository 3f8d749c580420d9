package tail

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/protoset"
)

// callLine is the line of a call of a method of shop.v1.Orders.
func callLine(method, said, answered, rest string) string {
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return `{"type":"http","seq":2,"id":1,"conn":1,` + at(0) + `,"client":"c:1","server":"s:2",` +
		`"request":{"method":"POST","url":"https://api.example.com/shop.v1.Orders/` + method + `","proto":"HTTP/2.0",` +
		`"headers":[["content-type","application/grpc"]],"body":{"size":1,"base64":"` + encoded(said) + `"}},` +
		`"response":{"status":200,"reason":"","proto":"HTTP/2.0","headers":[["content-type","application/grpc"]],` +
		`"body":{"size":1,"base64":"` + encoded(answered) + `","chunks":[[1,2],[2,3]]}` + rest + "}\n"
}

var calls = metaLine +
	callLine("Get", "\x00\x00\x00\x00\x03\x0a\x017", "\x00\x00\x00\x00\x03\x0a\x017", `,"trailers":[["grpc-status","0"]]},"ms":12.5,`+
		`"grpc":[{"dir":"client-to-server","ms":1.0,"size":3},{"dir":"server-to-client","ms":9.0,"size":3}],"grpcEnd":1`) +
	callLine("Watch", "\x00\x00\x00\x00\x03\x0a\x01a\x00\x00\x00\x00\x01\xff", "\x00\x00\x00\x00\x03\x0a\x01b\x00\x00\x00\x00\x00",
		`,"trailers":[["grpc-status","5"],["grpc-message","no%20such\u0009order"]]},"ms":3.0,`+
			`"grpc":[{"dir":"client-to-server","ms":1.0,"size":3},{"dir":"server-to-client","ms":1.5,"size":3},{"dir":"client-to-server","ms":2.0,"size":1}]`) +
	callLine("Other", "\x00\x00\x00\x00\x03\x0a\x01a", "", `},"ms":3.0,"error":{"kind":"reset","side":"client","text":"canceled"}`)

func TestLinesOfCalls(t *testing.T) {
	want := `[23:44:03.000]  gRPC     OK         1 B    12.5ms  api.example.com/shop.v1.Orders/Get  (1 -->, 1 <--)
[23:44:03.000]  gRPC     NOT_FOUND        1 B     3.0ms  api.example.com/shop.v1.Orders/Watch  (no such\torder, 2 -->, 1 <--)
[23:44:03.000]  gRPC     ERR        1 B     3.0ms  api.example.com/shop.v1.Orders/Other  (reset, client: canceled)
`
	if diff := cmp.Diff(want, printed(t, calls, Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestMessagesOfCalls(t *testing.T) {
	set, err := protoset.Load("../protoset/testdata/api")
	if err != nil {
		t.Fatal(err)
	}
	get := `    > {"orderId":"7"}
    < {"orderId":"7"}
`
	watch := `    > {"orderId":"a"}
    < {"orderId":"b"}
    > (1 B, decode shop.v1.GetRequest: cannot parse invalid wire-format data)
    < {}
`
	other := `    > (3 B, method is not described: /shop.v1.Orders/Other)
`
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"all":         {Options{}, []string{get, watch, other}},
		"with bodies": {Options{Body: true}, []string{get, watch, other}},
		"pretty":      {Options{Pretty: true, Filter: filtered(t, "rpc:get").Filter}, []string{"    > {\n    >   \"orderId\": \"7\"\n    > }\n    < {\n    <   \"orderId\": \"7\"\n    < }\n"}},
		"filtered":    {filtered(t, "json:orderId=b"), []string{watch}},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Protos = set
			var got []string
			for line := range strings.Lines(printed(t, calls, c.o)) {
				if strings.HasPrefix(line, "[") {
					got = append(got, "")
					continue
				}
				got[len(got)-1] += line
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
