package filter_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

func TestCalls(t *testing.T) {
	header := traffic.Fields{{Name: "content-type", Value: "application/grpc+proto"}}
	call := func() *filter.Subject {
		return &filter.Subject{
			Exchange: &traffic.Exchange{
				Request: &traffic.Request{
					Method: "POST", Header: header,
					URL: traffic.URL{Scheme: "https", Authority: "api.example.com", Target: "/shop.v1.Orders/GetOrder"},
				},
				Response: &traffic.Response{Status: 200, Trailer: traffic.Fields{{Name: "grpc-status", Value: "5"}}},
			},
			Content: func(dir traffic.Direction) []byte {
				if dir == traffic.ClientToServer {
					return []byte("{\"orderId\":\"7\"}\n{\"orderId\":\"8\"}\n")
				}
				return []byte("\x00\x00\x00\x00\x02{}") // not described
			},
		}
	}
	check(t, call, true, `
		grpc
		service:orders
		service=shop.v1.orders
		service:shop.*Orders
		service~^shop\.
		service!=Orders
		rpc:get
		rpc=GetOrder
		grpc-status:NOT_FOUND
		grpc-status:not_found
		grpc-status=5
		grpc-status:OK,NOT_FOUND
		grpc-status!=OK
		grpc-status>0
		grpc-status:1-5
		json:orderId=7
		json:orderId=8
		json:orderId!=9
		body:orderid`)
	check(t, call, false, `
		service:GetOrder
		service!=shop.v1.Orders
		rpc:Orders
		grpc-status:OK
		grpc-status!=5
		json:orderId=9
		json:other`)
	pending := func() *filter.Subject {
		s := call()
		s.Exchange.Response = nil
		return s
	}
	check(t, pending, true, "grpc\nservice:orders\nnot grpc-status:OK")
	check(t, pending, false, "grpc-status:OK\ngrpc-status!=OK")
	other := func() *filter.Subject {
		s := call()
		s.Exchange.Request.Header = nil
		return s
	}
	check(t, other, false, "grpc\nservice:orders\nservice!=x\nrpc:get\ngrpc-status:5\njson:orderId=7")
	answered := func() *filter.Subject {
		s := other()
		s.Exchange.Response.Header = header
		return s
	}
	check(t, answered, true, "grpc\nservice:orders\njson:orderId=7")
}

func TestWrongStatusOfCalls(t *testing.T) {
	for _, expr := range []string{"grpc-status:LOST", "grpc-status:-1", "grpc-status~OK"} {
		if _, err := filter.Parse(expr); err == nil {
			t.Errorf("%s was parsed", expr)
		}
	}
}
