// Package mockttp tells what happens in the words of Mockttp's event API: its 21
// events, with its names and payloads.
//
// A Mapper is a traffic.Observer in front of whoever publishes:
//
//	m := mockttp.New(mockttp.Options{Publish: func(e *mockttp.Event) { queue <- e }})
//	m.Want(mockttp.All)
//	p := proxy.New(proxy.Options{Observer: m, BodyChunks: m.WantsBodyData, ...})
//
// While nothing is wanted, observing is a look at one number. What is published
// is not encoded before somebody asks for it.
//
// # Order
//
// The events of one exchange are published in the order of Mockttp:
// request-initiated, request-body-data, request, response-initiated,
// response-body-data, and at the end either response or abort; of a WebSocket
// connection websocket-request, websocket-accepted, messages, and at the end
// websocket-close or abort. What origins got and sent is told by rule-event just
// before the end, when it is known.
//
// Where Mockttp is wrong the package is right; docs/mockttp.md lists where.
package mockttp
