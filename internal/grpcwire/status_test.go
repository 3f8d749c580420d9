package grpcwire

import (
	"encoding/base64"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestFormatOf(t *testing.T) {
	for _, c := range []struct {
		in     string
		format Format
		codec  string
	}{
		{"application/grpc", GRPC, "proto"},
		{"Application/GRPC+Proto; charset=x", GRPC, "proto"},
		{"application/grpc+JSON", GRPC, "json"},
		{" application/grpc-web ", Web, "proto"},
		{"application/grpc-web+proto", Web, "proto"},
		{"application/grpc-web-text+proto", WebText, "proto"},
		{"application/grpc-web-text", WebText, "proto"},
		{"application/grpcx", None, ""},
		{"application/json", None, ""},
		{"", None, ""},
	} {
		if format, codec := FormatOf(c.in), Codec(c.in); format != c.format || codec != c.codec {
			t.Errorf("%q: %d, %q", c.in, format, codec)
		}
	}
}

func TestSplitPath(t *testing.T) {
	for _, c := range []struct {
		in, service, method string
		ok                  bool
	}{
		{"/pkg.Service/Method", "pkg.Service", "Method", true},
		{"/base/pkg.Service/Method?x=/y", "pkg.Service", "Method", true},
		{"/Method", "", "", false},
		{"/pkg.Service/", "", "", false},
		{"//Method", "", "", false},
		{"", "", "", false},
	} {
		if service, method, ok := SplitPath(c.in); service != c.service || ok != c.ok || ok && method != c.method {
			t.Errorf("%q: %q, %q, %v", c.in, service, method, ok)
		}
	}
}

func TestEncoding(t *testing.T) {
	for value, want := range map[string]string{" GZip ": "gzip", "identity": "", "": ""} {
		if got := Encoding(traffic.Fields{{Name: "grpc-encoding", Value: value}}); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}

func TestTimeout(t *testing.T) {
	for _, c := range []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"", 0, false},
		{"5", 0, false},
		{"S", 0, false},
		{"5s", 0, false},
		{"-5S", 0, false},
		{"123456789S", 0, false},
		{"5S", 5 * time.Second, true},
		{" 300m", 300 * time.Millisecond, true},
		{"299991u", 299991 * time.Microsecond, true},
		{"1n", 1, true},
		{"2M", 2 * time.Minute, true},
		{"99999999H", math.MaxInt64 / time.Hour * time.Hour, true},
	} {
		got, ok := Timeout(traffic.Fields{{Name: "grpc-timeout", Value: c.value}})
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %v, %v", c.value, got, ok)
		}
	}
}

func TestStatusOf(t *testing.T) {
	webTrailer := []byte("grpc-status: 5\r\ngrpc-message: no%20such\r\nno field\r\n")
	web := append(bodyOf("x"), AppendPrefix(nil, Message{Size: int64(len(webTrailer)), Trailer: true})...)
	web = append(web, webTrailer...)
	status := func(code string) traffic.Fields {
		return traffic.Fields{{Name: "grpc-status", Value: code}, {Name: "grpc-message", Value: "r%C3%A9sum%c3%a9"}}
	}
	typed := func(contentType string) traffic.Fields {
		return traffic.Fields{{Name: "content-type", Value: contentType}}
	}
	for _, c := range []struct {
		name string
		x    traffic.Exchange
		want Status
		ok   bool
	}{
		{"no answer", traffic.Exchange{}, Status{}, false},
		{"trailers", traffic.Exchange{Response: &traffic.Response{Trailer: status("14")}}, Status{14, "résumé"}, true},
		{"only trailers, which are a header", traffic.Exchange{Response: &traffic.Response{Header: status("0")}}, Status{0, "résumé"}, true},
		{"no status", traffic.Exchange{Response: &traffic.Response{Header: typed("application/grpc")}}, Status{}, false},
		{"no number", traffic.Exchange{Response: &traffic.Response{Trailer: status("-1")}}, Status{}, false},
		{
			"gRPC-Web", traffic.Exchange{
				Response: &traffic.Response{Header: typed("application/grpc-web")}, ResponseBody: traffic.BodyOf(web),
			}, Status{5, "no such"}, true,
		},
		{
			"gRPC-Web in base64", traffic.Exchange{
				Response:     &traffic.Response{Header: typed("application/grpc-web-text")},
				ResponseBody: traffic.BodyOf([]byte(base64.StdEncoding.EncodeToString(web))),
			}, Status{5, "no such"}, true,
		},
		{
			"gRPC-Web without trailers", traffic.Exchange{
				Response: &traffic.Response{Header: typed("application/grpc-web")}, ResponseBody: traffic.BodyOf(bodyOf("x")),
			}, Status{}, false,
		},
	} {
		got, ok := StatusOf(&c.x)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
			t.Errorf("%s: %v, %s", c.name, ok, diff)
		}
	}
}

func TestNamesOfCodes(t *testing.T) {
	for code, name := range map[int]string{0: "OK", 5: "NOT_FOUND", 16: "UNAUTHENTICATED", 17: "17"} {
		if got := (Status{Code: code}).Name(); got != name {
			t.Errorf("%d: %q", code, got)
		}
		if got, ok := ParseCode(name); got != code || !ok {
			t.Errorf("%q: %d, %v", name, got, ok)
		}
	}
	if code, ok := ParseCode("not_found"); code != 5 || !ok {
		t.Errorf("lower case: %d, %v", code, ok)
	}
	for _, s := range []string{"", "-1", "NOT FOUND", "9999999999"} {
		if code, ok := ParseCode(s); ok {
			t.Errorf("%q: %d", s, code)
		}
	}
}

func TestMessagesArePercentEncoded(t *testing.T) {
	for decoded, encoded := range map[string]string{
		"":                  "",
		"no such user":      "no such user",
		"100%\r\nX: yes":    "100%25%0D%0AX: yes",
		"naïve\x00\x7f\xff": "na%C3%AFve%00%7F%FF",
	} {
		if got := EncodeMessage(decoded); got != encoded {
			t.Errorf("encode %q: %q", decoded, got)
		}
		if got := DecodeMessage(encoded); got != decoded {
			t.Errorf("decode %q: %q", encoded, got)
		}
	}
	for _, odd := range []string{"100%", "%4", "%zz%+1"} {
		if got := DecodeMessage(odd); got != odd {
			t.Errorf("decode %q: %q", odd, got)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add("100%25 of %C3%A9", "100%")
	f.Fuzz(func(t *testing.T, plain, odd string) {
		if got := DecodeMessage(EncodeMessage(plain)); got != plain {
			t.Errorf("%q became %q", plain, got)
		}
		if got := DecodeMessage(odd); len(got) > len(odd) {
			t.Errorf("%q became %q", odd, got)
		}
	})
}
