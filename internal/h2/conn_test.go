package h2_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// echo sends back what it reads, with its trailers.
func echo(s *h2.Stream) {
	if s.WriteHead(h2.ResponseHead(200, nil)) != nil {
		return
	}
	if _, err := io.Copy(s, s); err != nil {
		return
	}
	_ = s.CloseWrite(s.Trailer())
}

func TestMessagesPassAsTheyAre(t *testing.T) {
	request := post("/a?b", traffic.Field{Name: "x-b", Value: "1"}, traffic.Field{Name: "x-a", Value: "2"},
		traffic.Field{Name: "x-b", Value: ""}, traffic.NeverIndexed("authorization", "secret"))
	var seen h2.Head
	client, _ := pair(t, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
		seen = s.Head()
		_ = s.WriteHead(h2.ResponseHead(103, traffic.Fields{{Name: "link", Value: "x"}}))
		echo(s)
	})
	s, err := client.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(traffic.Fields{{Name: "x-sum", Value: "5"}}); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{103, 200} {
		head, err := s.ReadHead(t.Context())
		if err != nil || head.Status() != status {
			t.Fatalf("head %v, %v; want %d", head, err, status)
		}
	}
	body, err := io.ReadAll(s)
	if err != nil || string(body) != "hello" {
		t.Errorf("read %q, %v", body, err)
	}
	if diff := cmp.Diff(traffic.Fields{{Name: "x-sum", Value: "5"}}, s.Trailer(), cmpopts.IgnoreUnexported(traffic.Field{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(request, seen, cmp.AllowUnexported(traffic.Field{})); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
