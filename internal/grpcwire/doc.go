// Package grpcwire reads what gRPC puts into HTTP messages: length-prefixed
// messages in bodies, the status in trailers, percent-encoding in grpc-message.
// It knows gRPC over HTTP/2 and gRPC-Web in its binary and its text form
// (PROTOCOL-HTTP2.md and PROTOCOL-WEB.md of gRPC), and nothing of what messages
// mean.
//
// A [Splitter] is fed with a body as it passes and tells where messages end:
//
//	s := grpcwire.NewSplitter(grpcwire.FormatOf(header.Get("Content-Type")))
//	s.Data(p, func(m grpcwire.Message) { sizes = append(sizes, m.Size) })
//
// A [Reader] reads the messages of a body that is there:
//
//	r := grpcwire.NewReader(body.Open(), format, limit)
//	for r.Next() {
//		use(r.Message(), r.Content())
//	}
//	if err := r.Err(); err != nil {
//		...
//	}
//
// [NewRewriter] replaces messages of a body while it is read.
//
// Bodies come from strangers: a length is never believed before the bytes that
// it promises are there.
package grpcwire
