package eventserver

import (
	"io"
	"net/http"
	"testing"
)

// TestFurtherHandlers serves what is not the Server's own, to those who may connect.
func TestFurtherHandlers(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	_, address := start(t, Options{Handlers: map[string]http.Handler{"GET /v1/hello": hello}})
	for host, want := range map[string]int{"": http.StatusOK, "evil.example": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/v1/hello", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || (string(text) == "hello") != (want == http.StatusOK) {
			t.Errorf("host %q: %s %q", host, resp.Status, text)
		}
	}
}
