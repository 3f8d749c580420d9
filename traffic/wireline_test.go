package traffic_test

import (
	"testing"

	"github.com/necto-dev/necto/traffic"
)

func TestStatusLineIsRewrittenOnlyWhereItWasChanged(t *testing.T) {
	tests := []struct {
		name, line string
		reason     string
		edit       func(*traffic.Response)
		want       string
	}{
		{name: "untouched", line: "HTTP/1.1 200 Fine And Dandy\r\n", reason: "Fine And Dandy", want: "HTTP/1.1 200 Fine And Dandy\r\n"},
		{name: "LF", line: "HTTP/1.1 200 OK\n", reason: "OK", want: "HTTP/1.1 200 OK\n"},
		{name: "no reason", line: "HTTP/1.1 200 \r\n", want: "HTTP/1.1 200 \r\n"},
		{name: "no space", line: "HTTP/1.1 200\r\n", want: "HTTP/1.1 200\r\n"},
		{name: "trailing space", line: "HTTP/1.1 200 OK \r\n", reason: "OK ", want: "HTTP/1.1 200 OK \r\n"},
		{name: "leading space", line: "HTTP/1.1 200  OK\r\n", reason: " OK", want: "HTTP/1.1 200  OK\r\n"},
		{name: "made in code", reason: "OK", want: "HTTP/1.1 200 OK\r\n"},
		{name: "made in code without reason", want: "HTTP/1.1 200 \r\n"},
		{
			name: "other status", line: "HTTP/1.1 200\r\n",
			edit: func(r *traffic.Response) { r.Status = 201 }, want: "HTTP/1.1 201 \r\n",
		},
		{
			name: "other reason", line: "HTTP/1.1 200 OK\n", reason: "OK",
			edit: func(r *traffic.Response) { r.Reason = "Okay" }, want: "HTTP/1.1 200 Okay\r\n",
		},
		{
			name: "reason removed", line: "HTTP/1.1 200 OK\r\n", reason: "OK",
			edit: func(r *traffic.Response) { r.Reason = "" }, want: "HTTP/1.1 200 \r\n",
		},
		{
			name: "other version", line: "HTTP/1.1 200 OK\r\n", reason: "OK",
			edit: func(r *traffic.Response) { r.Proto = "HTTP/1.0" }, want: "HTTP/1.0 200 OK\r\n",
		},
	}
	for _, test := range tests {
		resp := &traffic.Response{Proto: "HTTP/1.1", Status: 200, Reason: test.reason}
		resp.SetWireLine(test.line)
		if test.edit != nil {
			test.edit(resp)
		}
		if got := string(resp.AppendStatusLine([]byte("before "))); got != "before "+test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
