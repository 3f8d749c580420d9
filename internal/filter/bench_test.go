package filter_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

func BenchmarkMatch(b *testing.B) {
	frame := frameOf(traffic.ServerToClient, traffic.OpText, `{"type":"message","room":"general","text":"hello world"}`)
	for _, bench := range []struct {
		expr    string
		subject *filter.Subject
	}{
		{"status:4xx and host:api", order()},
		{"url:/v1/orders and not path:/health and dur>1s", order()},
		{"url:api.example.com/v1", order()},
		{"header:content-type=json", order()},
		{"ws host:chat opcode:text text:world", frame},
	} {
		b.Run(bench.expr, func(b *testing.B) {
			f := parse(b, bench.expr)
			b.ReportAllocs()
			for b.Loop() {
				f.Match(bench.subject)
			}
		})
	}
}

func TestMatchingAllocatesNothing(t *testing.T) {
	s := order()
	f := parse(t, "status:4xx and host:api and not header:x-id=b and ip:203.0.113.0/24 and type:json")
	if n := testing.AllocsPerRun(100, func() { f.Match(s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
