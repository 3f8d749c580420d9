package eventserver

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
)

// TestOtherUsersNeedTheToken asks from loopback as this user and as another one.
func TestOtherUsersNeedTheToken(t *testing.T) {
	s := New(Options{Access: Access{Token: testToken}})
	web := httptest.NewUnstartedServer(s.Handler())
	web.Config.ConnContext = s.ConnContext
	web.Start()
	t.Cleanup(func() {
		s.Close(context.Background())
		web.Close()
	})
	for _, test := range []struct {
		name, path string
		user       int
		want       int
	}{
		{"this user", "/api/traffic", os.Geteuid(), http.StatusOK},
		{"another user", "/api/traffic", nectest.Nobody, http.StatusForbidden},
		{"another user with the token", "/api/traffic?token=" + testToken, nectest.Nobody, http.StatusOK},
		{"another user who may show it later", "/socket.io/?EIO=4&transport=polling", nectest.Nobody, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			dial := func(context.Context, string, string) (net.Conn, error) {
				return nectest.DialAs(t, test.user, web.Listener.Addr(), ""), nil
			}
			client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+test.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("got %d, want %d", response.StatusCode, test.want)
			}
		})
	}
}
