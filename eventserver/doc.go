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
// Observe only takes a note. After 100 ms, or 50 new exchanges, or at once if
// something is urgent, the notes there are by then are digested together: they
// become items of a ring that is bounded in number and bytes, in segments. Nothing
// is encoded before somebody wants it. Each subscriber goes through the ring at its
// own pace, in a goroutine that ends when there is nothing more to send. What is the
// same for all is encoded once, by the first who gets there, down to the WebSocket
// frames. Who falls out of the ring jumps forward and is told how many events that
// were: a slow subscriber never slows the traffic down.
//
// Within a segment new exchanges come first, so an exchange is always announced
// before anything is said of it.
//
// # What is looked back on
//
// History has the exchanges that run, and those that ended last, without copies:
// events are frozen. REST answers from it, and where it ends from the recording, if
// there is one. So does a subscriber who asks for a backlog, before it comes to the
// ring.
package eventserver
