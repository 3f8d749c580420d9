package filter

import (
	"github.com/necto-dev/necto/internal/grpcwire"
)

// callFields are the fields of gRPC calls.
func callFields() []*field {
	return []*field{
		named("service").texts(callText(func(service, _ string) string { return service })),
		named("rpc").texts(callText(func(_, method string) string { return method })),
		named("grpc-status").numbers("a status of gRPC such as NOT_FOUND or 5", callStatus, onlyOn(httpLines), callStatusOf),
	}
}

// isGRPC reports whether the subject is a gRPC call, or was answered as one.
func isGRPC(s *Subject) bool {
	r := s.response()
	return grpcwire.IsCall(s.request()) || r != nil && grpcwire.FormatOf(r.Header.Get(contentType)) != grpcwire.None
}

// callText builds terms of a part of the path, which is /service/method.
func callText(part func(service, method string) string) func(*parser, clause) (*term, *SyntaxError) {
	return func(p *parser, c clause) (*term, *SyntaxError) {
		t, err := p.texts(c, globInner, nil)
		if err != nil {
			return nil, err
		}
		return &term{may: textScan(t, httpLines, 0, false), match: func(s *Subject) bool {
			r := s.request()
			if r == nil || !isGRPC(s) {
				return false
			}
			service, method, ok := grpcwire.SplitPath(r.URL.Path())
			return ok && t.decide(t.of(part(service, method)))
		}}, nil
	}
}

// callStatus reads what whole reads, and names.
func callStatus(s string) (span, bool) {
	if code, ok := grpcwire.ParseCode(s); ok {
		return span{from: int64(code), to: int64(code)}, true
	}
	return whole(s)
}

func callStatusOf(s *Subject) (int64, bool) {
	if !isExchange(s) || !isGRPC(s) {
		return 0, false
	}
	status, ok := grpcwire.StatusOf(s.Exchange)
	return int64(status.Code), ok
}
