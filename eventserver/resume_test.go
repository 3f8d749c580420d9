package eventserver

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zishang520/socket.io/v3/pkg/types"

	"github.com/necto-dev/necto/traffic"
)

// object is an object as the library has it.
type object = map[string]any

func TestResumeIsRead(t *testing.T) {
	tests := []struct {
		name string
		arg  object
		want traffic.Resume
	}{
		{"continue", object{"action": "continue"}, traffic.Resume{Action: traffic.ResumeContinue}},
		{"no action", object{}, traffic.Resume{Action: traffic.ResumeContinue}},
		{"abort", object{"action": "abort"}, traffic.Resume{Action: traffic.ResumeAbort}},
		{"no modifications", object{"modifications": nil}, traffic.Resume{Action: traffic.ResumeContinue}},
		{
			"another request",
			object{"modifications": object{"request": object{
				"method": "POST", "url": "https://api.example.com/modified-path",
				"headers": object{"Authorization": "Bearer new-token", "Cookie": nil, "A": []any{"1", "2"}},
				"body":    `{"modified": true}`,
			}}},
			traffic.Resume{Action: traffic.ResumeContinue, Request: &traffic.Edit{
				Method: "POST", URL: "https://api.example.com/modified-path",
				Set: traffic.Fields{
					{Name: "A", Value: "1"}, {Name: "A", Value: "2"}, {Name: "Authorization", Value: "Bearer new-token"},
				},
				Remove: []string{"Cookie"}, Body: []byte(`{"modified": true}`), HasBody: true,
			}},
		},
		{
			"another response",
			object{"modifications": object{"response": object{"status": 200.0, "statusText": "OK", "body": ""}}},
			traffic.Resume{Action: traffic.ResumeContinue, Response: &traffic.Edit{
				Status: 200, Reason: "OK", Body: []byte{}, HasBody: true,
			}},
		},
		{
			"mock",
			object{"action": "mock", "modifications": object{"mock": object{
				"status": 404.0, "body": types.NewBytesBuffer([]byte{0, 1}),
			}}},
			traffic.Resume{Action: traffic.ResumeMock, Mock: &traffic.Edit{Status: 404, Body: []byte{0, 1}, HasBody: true}},
		},
		{
			"another message",
			object{"modifications": object{"data": "hello"}},
			traffic.Resume{Action: traffic.ResumeContinue, Payload: []byte("hello")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.By = "api"
			got, err := parseResume(test.arg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(traffic.Field{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestResumesThatAreNone(t *testing.T) {
	request := func(edit any) object { return object{"modifications": object{"request": edit}} }
	tests := []struct {
		name string
		arg  object
		want string
	}{
		{"action", object{"action": "brake"}, `action is "brake", not continue, abort or mock`},
		{"type of action", object{"action": 1.0}, "action is no text"},
		{"modifications", object{"modifications": "x"}, "modifications is no object"},
		{"request", request("x"), "modifications.request is no object"},
		{"method", request(object{"method": 1.0}), "modifications.request: method is no text"},
		{"status", request(object{"status": 99.0}), "modifications.request: status is no number from 200 to 999"},
		{"half a status", request(object{"status": 200.5}), "modifications.request: status is no number from 200 to 999"},
		{"headers", request(object{"headers": "x"}), "modifications.request: headers is no object"},
		{"header", request(object{"headers": object{"A": 1.0}}), `modifications.request: the value of header "A" is no text`},
		{"list", request(object{"headers": object{"A": []any{1.0}}}), `modifications.request: a value of header "A" is no text`},
		{"body", request(object{"body": 1.0}), "modifications.request: it is neither text nor binary"},
		{"data", object{"modifications": object{"data": 1.0}}, "modifications.data: it is neither text nor binary"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := parseResume(test.arg); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// failing is a Breakpoints whose hits cannot be resumed.
type failing struct{ resumes }

var errFailing = errors.New("hit is not held any more")

func (failing) Resume(traffic.HitID, traffic.Resume) error { return errFailing }

func TestResumeOfWhatIsNotHeld(t *testing.T) {
	_, address := start(t, Options{Breakpoints: &failing{}})
	p := dial(t, address)
	p.refused("breakpoint:resume", nil, "takes an object")
	p.refused("breakpoint:resume", object{"id": "x"}, `there is no hit "x"`)
	p.refused("breakpoint:resume", object{"id": "hit-99999999999999999999"}, "there is no hit")
	p.refused("breakpoint:resume", object{"id": "hit-1", "action": "brake"}, "not continue, abort or mock")
	p.refused("breakpoint:resume", object{"id": "hit-1"}, errFailing.Error())
}

func TestResumeWithALongBody(t *testing.T) {
	held := &resumes{got: make(chan traffic.Resume, 1)}
	_, address := start(t, Options{Breakpoints: held})
	p := dial(t, address)
	size := maxMessage - 1000
	if raceEnabled {
		size /= 16 // else it takes longer than writing may
	}
	body := bytes.Repeat([]byte("x"), size)
	p.call("breakpoint:resume", object{"id": "hit-1", "modifications": object{"request": object{"body": string(body)}}})
	if got := <-held.got; !bytes.Equal(got.Request.Body, body) {
		t.Errorf("got %d bytes", len(got.Request.Body))
	}
}

func TestResumeThatIsTooLong(t *testing.T) {
	s, address := start(t, Options{Breakpoints: &resumes{}})
	p := dial(t, address)
	if _, err := p.Call("breakpoint:resume", object{"id": strings.Repeat("x", maxMessage)}); err == nil {
		t.Error("it was taken")
	}
	alive(t, s, address)
}

// runner is a Proxy that notes what it is told.
type runner struct{ port int }

func (r *runner) Start(port int) error {
	r.port = port
	return nil
}

func (r *runner) Stop() error {
	r.port = -1
	return nil
}

func (r *runner) Port() int { return r.port }

func TestProxyIsControlled(t *testing.T) {
	r := new(runner)
	_, address := start(t, Options{Proxy: r})
	p := dial(t, address)
	p.call("proxy:start", object{"port": 8888})
	if r.port != 8888 {
		t.Errorf("started on %d", r.port)
	}
	p.call("proxy:stop", nil)
	if r.port != -1 {
		t.Error("not stopped")
	}
	p.call("proxy:start", nil)
	if r.port != 0 {
		t.Errorf("started on %d", r.port)
	}
	p.refused("proxy:start", "x", "takes an object {port}")
	p.refused("proxy:start", object{"port": "x"}, "port is no whole number")
	p.refused("proxy:start", object{"port": 65536}, "port is more than 65535")
}
