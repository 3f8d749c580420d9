package mockttp

import (
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// BenchmarkObserve is of all events of an exchange: what they cost while nobody
// wants them, and while all are published, encoded and given back.
func BenchmarkObserve(b *testing.B) {
	for name, wanted := range map[string]Set{"unwanted": 0, "all": All, "responses": SetOf(Response)} {
		b.Run(name, func(b *testing.B) {
			m := New(Options{Publish: func(e *Event) {
				e.Encode()
				e.Release()
			}})
			m.Want(wanted)
			x := newExchange(1, "GET", "http://a.test/")
			x.RequestDone, x.Server = 0, "127.0.0.1:80"
			answer(x, 200)
			x.ResponseBody = traffic.BodyOf(make([]byte, 1<<10))
			events := []traffic.Event{
				traffic.RequestStarted{Exchange: x}, traffic.RequestDone{Exchange: x}, traffic.ResponseStarted{Exchange: x}, traffic.ExchangeDone{Exchange: x},
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range events {
					m.Observe(e)
				}
			}
		})
	}
}

func TestWhatNobodyWantsCostsNothing(t *testing.T) {
	m := New(Options{})
	var e traffic.Event = traffic.RequestStarted{Exchange: newExchange(1, "GET", "http://a.test/")}
	if n := testing.AllocsPerRun(100, func() { m.Observe(e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
