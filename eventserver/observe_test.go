package eventserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// benchExchange returns an exchange with eight header fields.
func benchExchange(id traffic.ExchangeID) *traffic.Exchange {
	x := newExchange(id, "https://api.example.com/v1/users?page=2")
	for i := range 7 {
		x.Request.Header.Add(fmt.Sprintf("X-Field-%d", i), "a value of thirty-two characters")
	}
	return x
}

// BenchmarkObserve measures what an exchange costs the proxy.
func BenchmarkObserve(b *testing.B) {
	for _, subscribers := range []int{0, 1} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			s, address := start(b, Options{})
			for range subscribers {
				p := subscribed(b, address, nil)
				go func() {
					for {
						if _, err := p.Next(); err != nil {
							return
						}
					}
				}()
			}
			x := benchExchange(1)
			done := answered(x, 200, strings.Repeat("x", 1024))
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(traffic.RequestStarted{Exchange: x})
				s.Observe(traffic.ExchangeDone{Exchange: done})
			}
		})
	}
}
