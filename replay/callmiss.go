package replay

import (
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// missStatus returns the fields that tell a client of gRPC of a miss, as trailers or
// as the header of a response without content: NOT_FOUND if the method was
// recorded, else UNIMPLEMENTED, as from a server that does not have it.
func missStatus(req *traffic.Request, m Miss) traffic.Fields {
	code := grpcwire.CodeUnimplemented
	for _, c := range m.Nearest {
		if u, err := parseURL(c.URL); err == nil && u.Path() == req.URL.Path() {
			code = grpcwire.CodeNotFound
		}
	}
	return grpcwire.Status{Code: code, Message: m.String()}.Fields()
}

// callProblem returns the response to a call that missed.
func callProblem(req *traffic.Request, m Miss) *traffic.Response {
	return &traffic.Response{
		Status: 200,
		Reason: "OK",
		Proto:  "HTTP/1.1",
		Source: traffic.SourceReplay,
		Header: append(traffic.Fields{
			{Name: "content-type", Value: req.Header.Get("Content-Type")},
			{Name: "content-length", Value: "0"},
		}, missStatus(req, m)...),
	}
}
