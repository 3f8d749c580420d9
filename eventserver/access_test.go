package eventserver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/eventclient"
)

const testToken = "0123456789abcdef0123456789abcdef"

// TestWhoMayConnect asks in all ways, on plain HTTP and as Socket.IO begins.
func TestWhoMayConnect(t *testing.T) {
	const page = "https://app.example.com"
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := []struct {
		name   string
		access Access
		host   string // "" for the server's
		header http.Header
		query  string
		status int
		shared bool // with the page
	}{
		{name: "program on this machine", status: 200},
		{name: "localhost", host: "localhost:8889", status: 200},
		{name: "IPv6", host: "[::1]:8889", status: 200},
		{name: "page on this machine", header: header("Origin", "http://localhost:3000"), status: 200, shared: true},
		{name: "page on this machine, as browsers see it", header: header("Origin", "http://localhost:3000", "Sec-Fetch-Site", "cross-site"), status: 200, shared: true},
		{name: "name that resolves to loopback", host: "evil.example:8889", status: 403},
		{name: "name that looks like loopback", host: "127.0.0.1.evil.example", status: 403},
		{name: "other page", header: header("Origin", page), status: 403},
		{name: "page without origin", header: header("Origin", "null"), status: 403},
		{name: "origin that is none", header: header("Origin", "localhost"), status: 403},
		{name: "origin of another scheme", header: header("Origin", "file://localhost"), status: 403},
		{name: "image in another page", header: header("Sec-Fetch-Site", "cross-site"), status: 403},
		{name: "page of a port of necto's", header: header("Origin", "http://127.0.0.1:8890"), status: 403},
		{name: "page of a port of necto's, under a name", header: header("Origin", "http://localhost:8890"), status: 403},
		{name: "page of a port of necto's, IPv6", header: header("Origin", "http://[::1]:8890"), status: 403},
		{name: "page of a port of necto's that none is written for", header: header("Origin", "http://localhost"), status: 403},
		{name: "page of that port with TLS", header: header("Origin", "https://localhost"), status: 200, shared: true},
		{name: "image in a page of a port of necto's", header: header("Referer", "http://127.0.0.1:8890/a", "Sec-Fetch-Site", "same-site"), status: 403},
		{name: "image in a page of this machine", header: header("Referer", "http://127.0.0.1:3000/a", "Sec-Fetch-Site", "same-site"), status: 200},
		{name: "image in a page that does not tell its port", header: header("Sec-Fetch-Site", "same-site"), status: 403},
		{name: "image in another page, as old browsers ask", header: header("Referer", page+"/"), status: 403},
		{name: "referer that is no page", header: header("Referer", "about:blank"), status: 403},
		{name: "address that was typed", header: header("Sec-Fetch-Site", "none"), status: 200},
		{
			name: "page of a port of necto's, with the token", header: header("Origin", "http://127.0.0.1:8890", "Authorization", "Bearer "+testToken),
			status: 200,
		},
		{
			name: "page of a port of necto's that is allowed", access: Access{Origins: []string{"http://127.0.0.1:8890"}},
			header: header("Origin", "http://127.0.0.1:8890"), status: 403, shared: true,
		},
		{name: "wrong token", header: header("Authorization", "Bearer x"), status: 401},
		{name: "wrong token in the query", query: "token=x", status: 401},
		{name: "empty token", query: "token=", status: 401},
		{name: "bearer", host: "necto.example", header: header("Authorization", "Bearer "+testToken), status: 200},
		{name: "token in the query", host: "necto.example", query: "token=" + testToken, status: 200},
		{name: "token of another page", header: header("Origin", page, "Authorization", "Bearer "+testToken), status: 200},
		{name: "page allowed, no token", access: Access{Origins: []string{page}}, header: header("Origin", page), status: 403, shared: true},
		{
			name: "page allowed, with the token", access: Access{Origins: []string{page}},
			header: header("Origin", page, "Authorization", "Bearer "+testToken), status: 200, shared: true,
		},
		{
			name: "all pages allowed", access: Access{Origins: []string{"*"}},
			header: header("Origin", page, "Authorization", "Bearer "+testToken), status: 200, shared: true,
		},
		{name: "all pages allowed, no token", access: Access{Origins: []string{"*"}}, header: header("Origin", page), status: 403, shared: true},
		{name: "everyone needs it", access: Access{RequireToken: true}, status: 401},
		{name: "everyone needs it, and has", access: Access{RequireToken: true}, query: "token=" + testToken, status: 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.access.Token = testToken
			test.access.Relays = func(port int) bool { return port == 8890 || port == 80 }
			h := test.access.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/status?"+test.query, http.NoBody)
			r.Host, r.Header = test.host, test.header
			if r.Host == "" {
				r.Host = "127.0.0.1:8889"
			}
			if r.Header == nil {
				r.Header = http.Header{}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, test.status)
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); (got != "") != test.shared || got == "*" {
				t.Errorf("Access-Control-Allow-Origin %q, want one: %v", got, test.shared)
			}
			if test.status != 200 {
				checkProblem(t, w.Result(), test.status)
			}
		})
	}
}

// TestPreflight is asked by browsers before what a form cannot send.
func TestPreflight(t *testing.T) {
	const page = "https://app.example.com"
	for origin, want := range map[string]int{page: http.StatusNoContent, "https://evil.example": http.StatusForbidden} {
		access := Access{Token: testToken, Origins: []string{page}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/api/traffic", http.NoBody)
		r.Host = "127.0.0.1:8889"
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "DELETE")
		w := httptest.NewRecorder()
		access.guard(http.NotFoundHandler()).ServeHTTP(w, r)
		if w.Code != want || (w.Header().Get("Access-Control-Allow-Methods") != "") != (want == http.StatusNoContent) {
			t.Errorf("%s: %d %v", origin, w.Code, w.Header())
		}
	}
}

// TestTokenOfSocketIO is what a client says when it connects to the namespace.
func TestTokenOfSocketIO(t *testing.T) {
	const page = "https://app.example.com"
	relays := func(port int) bool { return port == 8890 }
	_, local := start(t, Options{Access: Access{Token: testToken, Origins: []string{page}, Relays: relays}})
	_, closed := start(t, Options{Access: Access{Token: testToken, RequireToken: true}})
	for _, test := range []struct {
		name, address, auth string
		header              http.Header
		want                string // what the answer begins with, "" for no connection
	}{
		{name: "no need", address: local, want: "40{"},
		{name: "token", address: closed, auth: `{"token":"` + testToken + `"}`, want: "40{"},
		{name: "none", address: closed, want: "44{"},
		{name: "wrong", address: closed, auth: `{"token":"x"}`, want: "44{"},
		{name: "no text", address: closed, auth: `{"token":1}`, want: "44{"},
		{name: "page with the token", address: local, auth: `{"token":"` + testToken + `"}`, header: http.Header{"Origin": {page}}, want: "40{"},
		{name: "page without", address: local, header: http.Header{"Origin": {page}}, want: "44{"},
		{name: "other page", address: local, auth: `{"token":"` + testToken + `"}`, header: http.Header{"Origin": {"https://evil.example"}}},
		{name: "rebound name", address: local, header: http.Header{"Host": {"evil.example"}}, want: "44{"},
		{name: "image in another page", address: closed, header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		{name: "image in a page that does not tell its port", address: closed, header: http.Header{"Sec-Fetch-Site": {"same-site"}}},
		{name: "page of a port of necto's", address: local, header: http.Header{"Origin": {"http://127.0.0.1:8890"}}},
		{name: "wrong token in the header", address: local, header: http.Header{"Authorization": {"Bearer x"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, response, err := websocket.DefaultDialer.DialContext(t.Context(),
				"ws"+strings.TrimPrefix(test.address, "http")+"/socket.io/?EIO=4&transport=websocket", test.header)
			if test.want == "" {
				if !errors.Is(err, websocket.ErrBadHandshake) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %v", err, response)
			}
			defer conn.Close()
			if _, open, err := conn.ReadMessage(); err != nil || open[0] != '0' {
				t.Fatalf("got %q, %v", open, err)
			}
			if err := conn.WriteMessage(websocket.TextMessage, []byte("40"+test.auth)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := conn.ReadMessage(); err != nil || !strings.HasPrefix(string(got), test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
	if _, err := eventclient.Dial(t.Context(), closed, eventclient.Options{}); err == nil {
		t.Error("a client without the token was let in")
	}
}

// checkProblem holds that an answer is an error as RFC 9457 has it.
func checkProblem(t testing.TB, r *http.Response, status int) problem {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" || r.StatusCode != status || p.Status != status || p.Detail == "" {
		t.Errorf("got %d %s %+v, want %d", r.StatusCode, got, p, status)
	}
	return p
}
