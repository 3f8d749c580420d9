package replay

import (
	"testing"

	"github.com/necto-dev/necto/internal/filter"
)

func TestFilterSaysWhatIsServed(t *testing.T) {
	failing := get("/b", "fault")
	failing.Response.Status = 503
	corrected := get("/d", "found")
	sidecar := get("/e", "")
	sidecar.Response.Body = &bodyJSON{Size: 6, File: nameOf("found!")}
	path := write(t, "off", get("/a", "found"), failing, get("/c", "other"),
		corrected.as(9, "http"), get("/d", "other").as(9, "http"), sidecar)
	writeSidecar(t, path, "found!")
	tests := map[string]string{
		"":                                  "found fault other other found!",
		"path:/a":                           "found 501 501 501 501",
		"status:5xx":                        "501 fault 501 501 501",
		"not status:5xx and not body:found": "501 501 other other 501",
		"body:found":                        "found 501 501 501 found!",
		"status:404":                        "501 501 501 501 501",
	}
	for expr, want := range tests {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		x := load(t, Options{Filter: f}, path)
		got := ""
		for _, target := range []string{"/a", "/b", "/c", "/d", "/e"} {
			got += " " + asked(t, x, "http://h"+target)
		}
		if got[1:] != want {
			t.Errorf("%q: got %s, want %s", expr, got[1:], want)
		}
		if s := x.Stats(); s.Failed+s.Pending > 0 {
			t.Errorf("%q: stats %+v", expr, s)
		}
	}
}

func TestFilterSelectsConversations(t *testing.T) {
	path := writeTalks(t, talk{frames: []said{s("a")}})
	for expr, want := range map[string]int{"ws": 1, "not ws": 0} {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		x := load(t, Options{Filter: f}, path)
		if got := x.Stats().WebSockets; got != want {
			t.Errorf("%s: %d connections", expr, got)
		}
		resp, err := x.RoundTrip(t.Context(), handshakeTo(t, "http://h/chat"))
		if err != nil {
			t.Fatal(err)
		}
		if (resp.Status == 101) != (want == 1) {
			t.Errorf("%s: status %d", expr, resp.Status)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
