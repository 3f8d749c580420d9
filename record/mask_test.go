package record

import (
	"strings"
	"testing"
)

func TestMaskMakesRecordedAndLiveEqual(t *testing.T) {
	const json, form, parts = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	tests := []struct {
		name, contentType, content, want string
	}{
		{"json", json, `{"user":"a","password":"hunter2","pin_secret":42}`, `{"user":"a","password":"MASK","pin_secret":"MASK"}`},
		{"not quite json", json, `{'user':'a',"password" : "hunter2",}`, `{'user':'a',"password" : "MASK",}`},
		{"no end", "", `log: "token":"abc`, `log: "token":"MASK`},
		{"events", "text/event-stream", "data: {\"token\":\"abc\"}\n\n", "data: {\"token\":\"MASK\"}\n\n"},
		{"known by its shape", json, `{"note":"AKIAIOSFODNN7EXAMPLE"}`, `{"note":"MASK"}`},
		{"form", form, "a=1&token=a%20b", "a=1&token=MASK"},
		{"parts", parts, "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nabc\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nMASK\r\n--b--"},
		{"not looked at", "text/html", `"token":"abc"`, `"token":"abc"`},
		{"a mark of its own", "text/html", "{{redacted:jwt:0123abcd}} {{redacted:}}", "MASK {{redacted:}}"},
		{"no mark", json, "{{redacted:{{redacted:x:0123abc}}", "{{redacted:{{redacted:x:0123abc}}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := "before " + strings.ReplaceAll(test.want, "MASK", mask)
			if got := string(Mask([]byte("before "), []byte(test.content), test.contentType)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			recorded := strings.ReplaceAll(test.want, "MASK", "{{redacted:token:89abcdef}}")
			if got := string(Mask([]byte("before "), []byte(recorded), test.contentType)); got != want {
				t.Errorf("recorded: got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestMaskURL(t *testing.T) {
	const plain = "/users?id=1&token=abc"
	if got := MaskURL(plain); got != plain {
		t.Errorf("got %s", got)
	}
	want := "/keys/" + mask + "?a=1"
	for _, url := range []string{"/keys/AKIAIOSFODNN7EXAMPLE?a=1", "/keys/{{redacted:aws-key:0123abcd}}?a=1"} {
		if got := MaskURL(url); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
