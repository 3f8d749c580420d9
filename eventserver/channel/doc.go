// Package channel publishes what becomes of a pool of ports as 9Proxy's SDK does: over
// a WebSocket at ws://127.0.0.1:{port}/ws/{token}, in messages of JSON text with a type
// and mostly a payload, which is always a string.
//
//	c := channel.New(channel.Options{Token: token})
//	go http.Serve(listener, c)
//	pool := ports.New(ports.Options{Events: c.Publish, ...})
//	defer c.Close()
//
// Only the newest connection gets events: the one before is closed with the code 4000
// and the reason "superseded". Nothing is kept for who comes later, but httpError,
// which is told once. Two things go beyond that for who asks: ?mode=broadcast leaves
// other connections alone, and ?since=N puts the number and the time of each event
// beside it, and begins with the events from number N on as far as they are in memory.
//
// What clients send is read and ignored.
package channel
