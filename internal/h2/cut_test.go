package h2_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/internal/h2"
)

// tooMany returns what a header section begins with, and more fields than are taken,
// among them one that the other side has to remember.
func tooMany(begin ...string) []string {
	return slices.Concat(begin, slices.Repeat([]string{"x", "y"}, 2000), []string{"kept", "in the table"})
}

// TestHeadsThatAreCut has a request come with more than is taken, of which the
// handler is told.
func TestHeadsThatAreCut(t *testing.T) {
	long := strings.Repeat("a", 3000)
	for name, c := range map[string]struct {
		fields []string
		cut    bool
	}{
		"1,000 fields": {slices.Repeat([]string{"x", "y"}, 996), false}, // and 4 of the request
		"1,001 fields": {slices.Repeat([]string{"x", "y"}, 997), true},
		"1 MiB":        {slices.Repeat([]string{"x", long}, 340), false},
		"2 MiB":        {slices.Repeat([]string{"x", long}, 680), true},
	} {
		t.Run(name, func(t *testing.T) {
			heads := make(chan h2.Head, 1)
			p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
				heads <- s.Head()
				_ = s.WriteHead(h2.ResponseHead(200, nil).Ended())
			})
			p.headers(1, true, slices.Concat(request, c.fields)...)
			if head := <-heads; head.Cut != c.cut || len(head.Fields) > 996 || head.Pseudo.Get(":path") != "/" {
				t.Errorf("cut %v, %d fields, %v", head.Cut, len(head.Fields), head.Pseudo)
			}
		})
	}
}

// TestCutHeadsKeepTheTable names by its index what was in the part of a head that
// was not kept.
func TestCutHeadsKeepTheTable(t *testing.T) {
	heads := make(chan h2.Head, 1)
	p, _ := against(t, h2.Config{}, func(s *h2.Stream) { heads <- s.Head() })
	p.headers(1, true, tooMany(request...)...)
	if head := <-heads; !head.Cut || head.Fields.Has("kept") {
		t.Errorf("cut %v, with %d fields", head.Cut, len(head.Fields))
	}
	p.headers(3, true, slices.Concat(request, []string{"kept", "in the table"})...)
	if head := <-heads; head.Cut || head.Fields.Get("kept") != "in the table" {
		t.Errorf("the next head is %+v", head)
	}
}

// TestSectionsThatAreTooLong resets the stream of trailers and answers of which more
// came than is taken, and no other.
func TestSectionsThatAreTooLong(t *testing.T) {
	t.Run("request trailer", func(t *testing.T) {
		ended := make(chan error, 1)
		p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
			_, err := io.ReadAll(s)
			ended <- err
		})
		p.headers(1, false, request...)
		p.headers(1, true, tooMany()...)
		checkReset(t, <-ended, h2.CodeEnhanceYourCalm, false)
		p.awaitReset(1, h2.CodeEnhanceYourCalm)
		p.headers(3, true, request...)
		if err := <-ended; err != nil {
			t.Errorf("the next request: %v", err)
		}
	})
	for _, begin := range [][]string{{":status", "103"}, {":status", "200"}} {
		t.Run("answer of "+begin[1], func(t *testing.T) {
			p, c := origin(t, h2.Config{})
			var streams []*h2.Stream
			for range 2 {
				s, err := c.Open(t.Context(), get("/"))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				p.await(http2.FrameHeaders)
				streams = append(streams, s)
			}
			p.headers(1, false, tooMany(begin...)...)
			p.headers(3, true, ":status", "200", "kept", "in the table")
			_, err := streams[0].ReadHead(t.Context())
			checkReset(t, err, h2.CodeEnhanceYourCalm, false)
			if head, err := streams[1].ReadHead(t.Context()); err != nil || head.Fields.Get("kept") != "in the table" {
				t.Errorf("the other answer is %+v, %v", head, err)
			}
			p.awaitReset(1, h2.CodeEnhanceYourCalm)
		})
	}
}

// TestCutIsBounded ends the connection of who sends four times as much as is taken.
func TestCutIsBounded(t *testing.T) {
	p, c := against(t, h2.Config{MaxHeaderList: 10_000}, wait)
	p.hostile = true
	p.headers(1, true, slices.Concat(request, slices.Repeat([]string{"x", strings.Repeat("a", 1000)}, 50))...)
	p.awaitGoAway(h2.CodeEnhanceYourCalm)
	if e, ok := errors.AsType[*h2.ConnError](c.result(t)); !ok || e.Code != h2.CodeEnhanceYourCalm {
		t.Errorf("Run returned %v", e)
	}
}
