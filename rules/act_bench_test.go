package rules

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// BenchmarkPassage shows what rules add to a request and its answer of 1 KiB.
func BenchmarkPassage(b *testing.B) {
	var thousand strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&thousand, "  - {name: r%d, match: {path: '/api/v%d/{id}'}, mock: {}}\n", i, i)
	}
	const modify = "  - {name: edit, modify: {request: {headers: {set: {X-A: '1'}}}, response: {body: {json: {set: {a: 1}}}}}}\n"
	for name, rules := range map[string]string{
		"no rules": "", "1000 rules, none matches": thousand.String(),
		"one modify": modify, "1000 rules and one modify": thousand.String() + modify,
		"frames of other connections": "  - {name: f, frames: [{drop: true}]}\n",
	} {
		b.Run(name, func(b *testing.B) { benchmarkPassage(b, "version: 1\nrules:\n"+rules) })
	}
}

func benchmarkPassage(b *testing.B, rules string) {
	answer := []byte(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	header := traffic.Fields{field("Content-Type", "application/json")}
	next := func(context.Context, *traffic.Request) (*traffic.Response, error) {
		return &traffic.Response{
			Status: 200, Reason: "OK", Header: header, Length: int64(len(answer)), Body: traffic.NewMemoryBody(answer),
		}, nil
	}
	layer := NewEngine(NewStore(mustParse(b, rules)), nil).Layer(traffic.RoundTripperFunc(next))
	req := request(b, "GET", "https://shop.example.test/api/users?page=1", field("Host", "shop.example.test"), field("Accept", "*/*"))
	b.ReportAllocs()
	for b.Loop() {
		resp, err := layer.RoundTrip(b.Context(), req)
		if err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMessage shows what frame rules add to a message.
func BenchmarkMessage(b *testing.B) {
	r := newRoad(b, `
  - name: a
    frames:
      - {match: {dir: server-to-client, json: {type: presence}}, drop: true}
      - {match: {json: {type: price}}, json: {set: {value: 0}}}
`, map[string]string{})
	f := r.connect(b.Context(), b, "http://a.example/", &wire{})
	for name, m := range map[string]*traffic.Frame{
		"miss": messageOf(traffic.ServerToClient, traffic.OpText, `{"type":"chat","text":"hello"}`),
		"edit": messageOf(traffic.ServerToClient, traffic.OpText, `{"type":"price","value":12.5}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := f.Filter(b.Context(), m); err != nil || v.Replace != (name == "edit") {
					b.Fatal(v, err)
				}
			}
		})
	}
}

func TestTenThousandRules(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "  - {name: r%d, match: {path: '/%d'}, mock: {body: b%d}}\n", i, i, i)
	}
	r := newRoad(t, text.String(), map[string]string{})
	for _, n := range []string{"0", "9999"} {
		if _, body := r.get(t, "http://a.example/"+n); body != "b"+n {
			t.Errorf("/%s: %q", n, body)
		}
	}
}
