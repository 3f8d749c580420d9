package diff_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/internal/protoset"
)

// framed returns content as a message of gRPC.
func framed(content string) string { return "\x00\x00\x00\x00" + string(rune(len(content))) + content }

// undescribed returns what is told of responses that cannot be looked into.
func undescribed(method, from, to string) []string {
	digest := func(content string) string {
		return fmt.Sprintf(`{"size":%d,"sha256":"%x"}`, len(framed(content)), sha256.Sum256([]byte(framed(content))))
	}
	return []string{
		"changed POST https://api.example.com/shop.v1.Orders/" + method + " 1 1",
		"changed /response/body " + digest(from) + " " + digest(to),
	}
}

// call returns the line of a call of gRPC with one message in each direction.
func call(id int, method, sent, received string) string {
	return fmt.Sprintf(`{"type":"http","seq":%d,"id":%d,"conn":1,"at":"2026-11-20T23:44:%02d.000000Z","us":1,"client":"127.0.0.1:1",`+
		`"request":{"method":"POST","url":"https://api.example.com/shop.v1.Orders/%s","proto":"HTTP/2.0",`+
		`"headers":[["content-type","application/grpc"]],"body":{"size":%d,"text":%s}},`+
		`"response":{"status":200,"reason":"","proto":"HTTP/2.0","headers":[["content-type","application/grpc"]],`+
		`"body":{"size":%d,"text":%s},"trailers":[["grpc-status","0"]]},"ms":1}`,
		id+1, id, id, method, len(sent)+5, quoted(framed(sent)), len(received)+5, quoted(framed(received)))
}

func TestMessagesOfCallsAreCompared(t *testing.T) {
	protos, err := protoset.Load("../protoset/testdata/api")
	if err != nil {
		t.Fatal(err)
	}
	const seven, order, other = "\n\x017", "\n\x017\x12\x02\x10\x0c", "\n\x017\x12\x02\x10\x0d"
	for name, test := range map[string]struct {
		protos   *protoset.Set
		from, to string
		want     []string
	}{
		"the same": {protos, call(1, "Get", seven, order), call(1, "Get", seven, order), nil},
		"another value": {
			protos, call(1, "Get", seven, order), call(1, "Get", seven, other),
			[]string{"changed POST https://api.example.com/shop.v1.Orders/Get 1 1", `changed /response/body/0/total/units "12" "13"`},
		},
		"another value of a request": {
			protos, call(1, "Get", seven, order), call(1, "Get", "\n\x018", order),
			[]string{"changed POST https://api.example.com/shop.v1.Orders/Get 1 1", `changed /request/body/0/orderId "7" "8"`},
		},
		"another order of fields": {protos, call(1, "Get", seven, order), call(1, "Get", seven, "\x12\x02\x10\x0c"+seven), nil},
		"without a description":   {nil, call(1, "Get", seven, order), call(1, "Get", seven, other), undescribed("Get", order, other)},
		"of another method":       {protos, call(1, "Put", seven, order), call(1, "Put", seven, other), undescribed("Put", order, other)},
		"that cannot be read":     {protos, call(1, "Get", seven, order), call(1, "Get", seven, "\n\x7f7"), undescribed("Get", order, "\n\x7f7")},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := compare(t, open(t, test.from), open(t, test.to), diff.Options{Protos: test.protos})
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
