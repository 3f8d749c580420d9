package mockttp

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// failed tells of the end of an exchange that failed, and returns what its last
// event was: a status, or the code of an error, with tags.
func failed(t *testing.T, x *traffic.Exchange) string {
	t.Helper()
	m, c := newMapper(t)
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.Duration = 9 * time.Millisecond
	m.Observe(traffic.ExchangeAborted{Exchange: x})
	last := c.events[len(c.events)-1]
	p := decodePayload(t, last)
	what := fmt.Sprint(last.Kind, p["statusCode"], p["tags"])
	if last.Kind == Abort {
		what = fmt.Sprint(last.Kind, p["tags"])
		if err, ok := p["error"].(map[string]any); ok {
			what += fmt.Sprint(" ", err["name"], " ", err["code"])
		}
	}
	return what
}

func TestHowExchangesFail(t *testing.T) {
	const upstream, client, necto = traffic.SideUpstream, traffic.SideClient, traffic.SideNecto
	for name, test := range map[string]struct {
		failure traffic.Failure
		begun   bool // the answer
		want    string
	}{
		"refused":                    {traffic.Failure{Kind: traffic.FailConnect, Side: upstream}, false, "response 502 [passthrough-error:ECONNREFUSED]"},
		"unreachable":                {traffic.Failure{Kind: traffic.FailConnect, Side: upstream, Err: syscall.EHOSTUNREACH}, false, "response 502 [passthrough-error:EHOSTUNREACH]"},
		"no address":                 {traffic.Failure{Kind: traffic.FailDNS, Side: upstream}, false, "response 502 [passthrough-error:ENOTFOUND]"},
		"late":                       {traffic.Failure{Kind: traffic.FailTimeout, Side: upstream}, false, "response 502 [passthrough-error:ETIMEDOUT]"},
		"ended early":                {traffic.Failure{Kind: traffic.FailEOF, Side: upstream}, false, "response 502 [passthrough-error:ECONNRESET]"},
		"not HTTP":                   {traffic.Failure{Kind: traffic.FailProtocol, Side: upstream}, false, "response 502 [passthrough-error:EPROTO]"},
		"loop":                       {traffic.Failure{Kind: traffic.FailLoop, Side: necto}, false, "response 502 []"},
		"internal":                   {traffic.Failure{Kind: traffic.FailInternal, Side: upstream}, false, "response 502 [passthrough-error:E_INTERNAL]"},
		"miss":                       {traffic.Failure{Kind: traffic.FailMiss, Side: necto}, false, "response 502 []"},
		"unknown authority":          {traffic.Failure{Kind: traffic.FailTLS, Side: upstream, Err: x509.UnknownAuthorityError{}}, false, "response 502 [passthrough-error:UNABLE_TO_VERIFY_LEAF_SIGNATURE passthrough-tls-error:UNABLE_TO_VERIFY_LEAF_SIGNATURE]"},
		"expired":                    {traffic.Failure{Kind: traffic.FailTLS, Side: upstream, Err: x509.CertificateInvalidError{Reason: x509.Expired}}, false, "response 502 [passthrough-error:CERT_HAS_EXPIRED passthrough-tls-error:CERT_HAS_EXPIRED]"},
		"invalid":                    {traffic.Failure{Kind: traffic.FailTLS, Side: upstream, Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, false, "response 502 [passthrough-error:CERT_UNTRUSTED passthrough-tls-error:CERT_UNTRUSTED]"},
		"handshake":                  {traffic.Failure{Kind: traffic.FailTLS, Side: upstream, Err: errors.New("alert")}, false, "response 502 [passthrough-error:EPROTO passthrough-tls-error:EPROTO]"},
		"reset inside the answer":    {traffic.Failure{Kind: traffic.FailReset, Side: upstream}, true, "abort [passthrough-error:ECONNRESET] Error ECONNRESET"},
		"client has left":            {traffic.Failure{Kind: traffic.FailReset, Side: client}, false, "abort []"},
		"client has left the answer": {traffic.Failure{Kind: traffic.FailReset, Side: client}, true, "abort []"},
		"bad chunk":                  {traffic.Failure{Kind: traffic.FailProtocol, Side: client}, false, "response 400 [client-error:HPE_INVALID_CHUNK_SIZE]"},
		"stopped":                    {traffic.Failure{Kind: traffic.FailShutdown, Side: necto}, false, "abort [] Error E_SHUTDOWN"},
		"rule closes":                {traffic.Failure{Kind: traffic.FailFault, Side: necto, End: traffic.EndClose}, false, "abort [] AbortError E_RULE_CLOSE"},
		"rule resets":                {traffic.Failure{Kind: traffic.FailFault, Side: necto, End: traffic.EndReset}, false, "abort [] AbortError E_RULE_RESET"},
		"rule hangs":                 {traffic.Failure{Kind: traffic.FailFault, Side: necto, End: traffic.EndHang}, false, "abort []"},
		"given up at a breakpoint":   {traffic.Failure{Kind: traffic.FailAborted, Side: necto, End: traffic.EndClose}, false, "abort [] AbortError E_RULE_BREQ_CLOSE"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExchange(1, "GET", "http://a.test/")
			x.Failure = &test.failure
			if test.begun {
				answer(x, 200)
			}
			if got := failed(t, x); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestGivenUpBehindAnAnswer(t *testing.T) {
	x := newExchange(1, "GET", "http://a.test/")
	x.Failure = &traffic.Failure{Kind: traffic.FailAborted, Side: traffic.SideNecto, End: traffic.EndClose}
	x.Received = &traffic.Response{Status: 200}
	if got := failed(t, x); got != "abort [] AbortError E_RULE_BRES_CLOSE" {
		t.Error(got)
	}
}

func TestAnswersOfNecto(t *testing.T) {
	m, c := newMapper(t)
	for method, want := range map[string]string{"GET": "necto: it is broken\n", "HEAD": ""} {
		x := newExchange(1, method, "http://a.test/")
		m.Observe(traffic.RequestStarted{Exchange: x})
		x.Failure = &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: "it is broken"}
		m.Observe(traffic.ExchangeAborted{Exchange: x})
		response := c.payload(Response)
		if got := response["body"].(map[string]any)["buffer"]; got != want {
			t.Errorf("%s: content %q", method, got)
		}
		if got := response["headers"].(map[string]any)["content-length"]; got != "20" {
			t.Errorf("%s: length %v", method, got)
		}
		names := []string{
			"request-initiated", "rule-event", "rule-event", "rule-event", "response-initiated", "response-body-data", "response",
		}
		if diff := cmp.Diff(names, c.names()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", method, diff)
		}
	}
}

func TestWhatOriginsGotAndSent(t *testing.T) {
	m, c := newMapper(t)
	m.Want(SetOf(RuleEvent))
	x := newExchange(1, "POST", "http://a.test/")
	x.Request.Header.Add("Proxy-Authorization", "Basic c2VjcmV0")
	m.Observe(traffic.RequestStarted{Exchange: x})
	m.Observe(traffic.RuleApplied{Exchange: x, Time: began, Rule: "edit", Action: "modify"})
	play(m, x, "")
	data := map[string]map[string]any{}
	for _, e := range c.take() {
		p := decodePayload(t, e)
		if p["ruleId"] != "edit" || p["requestId"] != "x1" {
			t.Errorf("event %v", p)
		}
		data[p["eventType"].(string)] = p["eventData"].(map[string]any)
	}
	want := map[string]map[string]any{
		"rule-applied": {"action": "modify"},
		"passthrough-request-head": {
			"method": "POST", "protocol": "http", "hostname": "a.test", "port": "80", "path": "/",
			"rawHeaders": []any{[]any{"Host", "a.test"}, []any{"X-Dup", "1"}, []any{"x-dup", "2"}}, // no secrets of the proxy
		},
		"passthrough-request-body":  {"overridden": false},
		"passthrough-response-head": {"statusCode": 200.0, "statusMessage": "OK", "httpVersion": "1.1", "rawHeaders": []any{[]any{"X-A", "1"}}},
		"passthrough-response-body": {"overridden": false},
	}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestAnswersOfRulesAreNotOfOrigins(t *testing.T) {
	m, c := newMapper(t)
	m.Want(SetOf(RuleEvent))
	x := newExchange(1, "GET", "http://a.test/")
	m.Observe(traffic.RequestStarted{Exchange: x})
	answer(x, 200)
	x.Response.Source = traffic.SourceRule
	m.Observe(traffic.ExchangeDone{Exchange: x})
	if names := c.names(); names != nil {
		t.Errorf("no origin was asked, but there is %q", names)
	}
}

func TestAnswersOfNectoInHTTP2(t *testing.T) {
	m, c := newMapper(t)
	x := newExchange(1, "GET", "https://a.test/p")
	x.Request.Proto, x.Request.Header = "HTTP/2.0", traffic.Fields{{Name: "accept", Value: "*/*"}}
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.Failure = &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: "refused"}
	m.Observe(traffic.ExchangeAborted{Exchange: x})
	want := map[string]any{
		":status": "502", "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff", "content-length": "15",
	}
	if diff := cmp.Diff(want, c.payload(ResponseInitiated)["headers"]); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	want = map[string]any{":method": "GET", ":scheme": "https", ":authority": "a.test", ":path": "/p", "accept": "*/*"}
	if diff := cmp.Diff(want, c.payload(RequestInitiated)["headers"]); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// TestContentOfFailedRequest lets filters look at the content of a request that was
// not answered after everybody else is done with it.
func TestContentOfFailedRequest(t *testing.T) {
	m, c := newMapper(t)
	x := newExchange(1, "POST", "http://a.test/")
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestDone = time.Millisecond
	x.RequestBody = traffic.NewBody(-1)
	content := bytes.Repeat([]byte("x"), 1<<20) // in a file
	x.RequestBody.Append(content)
	m.Observe(traffic.RequestDone{Exchange: x})
	x.Failure = &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream}
	m.Observe(traffic.ExchangeAborted{Exchange: x})
	x.RequestBody.Release()
	for _, e := range c.take() {
		if e.Kind == Response && len(e.Content(traffic.ClientToServer)) != len(content) {
			t.Errorf("a filter sees %d bytes of %d", len(e.Content(traffic.ClientToServer)), len(content))
		}
		e.Release()
	}
}
