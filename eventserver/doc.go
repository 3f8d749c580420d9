// Package eventserver republishes traffic to whoever is connected: live, or
// played back from a recording.
//
// A Server is a traffic.Observer and an http.Handler:
//
//	s := eventserver.New(eventserver.Options{Session: eventserver.Session{ID: id, Name: "run"}})
//	p := proxy.New(proxy.Options{Observer: s, ...})
//	http.Serve(listener, s.Handler())
//
// # How events get out
//
// Observe only notes an event in the segment that is being filled; nothing is
// encoded before somebody wants it. A segment is closed after 100 ms, or at 50
// new exchanges, or at once for what is urgent, and joins a ring that is bounded
// in events and bytes. Each subscriber has a goroutine that goes through the ring
// at its own pace. What is the same for all is encoded once, by the first who
// gets there, down to the WebSocket frames. Who falls out of the ring jumps
// forward and is told how many events that were: a slow subscriber never slows
// the traffic down.
//
// Within a segment new exchanges come first, so an exchange is always announced
// before anything is said of it.
package eventserver
