//go:build linux

package main

import (
	"net/http"
	"time"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/traffic"
)

// waitingBatches is how many batches a subscriber may be behind: who publishes
// waits for the slowest, so that nobody misses any.
const waitingBatches = 4

// publishPoll is the time between two looks at how far the slowest is. A look costs
// the process that is measured something for each subscriber.
const publishPoll = 100 * time.Microsecond

// serveEvents is necto's event server, with a publisher in its process that is as
// fast as the subscribers take what it says.
func serveEvents(o helperOptions) error {
	ln, err := o.listen()
	if err != nil {
		return err
	}
	s := eventserver.New(eventserver.Options{SessionID: publishedSession})
	go publish(s)
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: ioLimit}
	return server.Serve(ln)
}

// publish tells s of new exchanges for ever.
func publish(s *eventserver.Server) {
	exchanges := make([]*traffic.Exchange, publishedEntries)
	for i := range exchanges {
		exchanges[i] = publishedExchange(i)
	}
	for next := 0; ; {
		for stats := s.Stats(); stats.Clients == 0 || stats.Behind > waitingBatches*batchEntries; stats = s.Stats() {
			time.Sleep(publishPoll)
		}
		for range batchEntries {
			s.Observe(traffic.RequestStarted{Exchange: exchanges[next]})
			next = (next + 1) % publishedEntries
		}
	}
}

// publishedExchange returns the exchange that publishedEntry(i) is of.
func publishedExchange(i int) *traffic.Exchange {
	u, err := traffic.ParseURL(publishedURL)
	if err != nil {
		panic(err) // it is a constant
	}
	header := traffic.Fields{{Name: "Host", Value: u.Authority}}
	for _, name := range publishedFields {
		header.Add(name, publishedValue)
	}
	return &traffic.Exchange{
		ID: traffic.ExchangeID(firstEntry + i), Conn: 1, Client: "127.0.0.1:50312",
		Started:     time.UnixMilli(publishedTime),
		Request:     &traffic.Request{Method: http.MethodGet, Target: u.Target, URL: u, Proto: "HTTP/1.1", Header: header},
		RequestDone: -1, ResponseStarted: -1,
	}
}
