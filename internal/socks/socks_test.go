package socks

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// peer is a client that has said everything at once.
type peer struct {
	io.Reader
	told bytes.Buffer
}

func (p *peer) Write(b []byte) (int, error) { return p.told.Write(b) }

// anyone is everybody, known only one user, and asked who says who it is.
var (
	anyone Users
	known  = Users{Required: true, Check: isAnn}
	asked  = Users{Check: isAnn}
)

func isAnn(user, password string) bool { return user == "ann" && password == "pw" }

func TestAccept(t *testing.T) {
	const hello = "\x05\x01\x00"
	for name, c := range map[string]struct {
		users      Users
		said       string
		told       string
		host, port string
	}{
		"5, address":           {anyone, hello + "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x00", "127.0.0.1", "80"},
		"5, IPv6":              {anyone, hello + "\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x01\xbb", "\x05\x00", "::1", "443"},
		"5, name":              {anyone, hello + "\x05\x01\x00\x03\x06a.test\xff\xff", "\x05\x00", "a.test", "65535"},
		"5, password unneeded": {anyone, "\x05\x01\x02\x01\x01x\x00\x05\x01\x00\x03\x01a\x00\x50", "\x05\x02\x01\x00", "a", "80"},
		"5, password":          {known, "\x05\x02\x00\x02\x01\x03ann\x02pw\x05\x01\x00\x03\x01a\x00\x50", "\x05\x02\x01\x00", "a", "80"},
		"5, password of use":   {asked, "\x05\x02\x00\x02\x01\x03ann\x02pw\x05\x01\x00\x03\x01a\x00\x50", "\x05\x02\x01\x00", "a", "80"},
		"5, no password":       {asked, "\x05\x01\x00\x05\x01\x00\x03\x01a\x00\x50", "\x05\x00", "a", "80"},
		"5, password ignored":  {anyone, "\x05\x02\x02\x00\x05\x01\x00\x03\x01a\x00\x50", "\x05\x00", "a", "80"},
		"4, of use":            {asked, "\x04\x01\x00\x50\x7f\x00\x00\x01ann\x00", "", "127.0.0.1", "80"},
		"4":                    {anyone, "\x04\x01\x00\x50\x7f\x00\x00\x01ann\x00", "", "127.0.0.1", "80"},
		"4a":                   {anyone, "\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00", "", "a.test", "443"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &peer{Reader: strings.NewReader(c.said + "more")}
			got, err := Accept(p, c.users)
			if err != nil {
				t.Fatal(err)
			}
			want := &Request{Host: c.host, Port: c.port}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Request{})); diff != "" {
				t.Errorf("the request (-want +got):\n%s", diff)
			}
			if rest, _ := io.ReadAll(p); string(rest) != "more" || p.told.String() != c.told {
				t.Errorf("left %q, told %q", rest, &p.told)
			}
			for end := range len(c.said) {
				_, err := Accept(&peer{Reader: strings.NewReader(c.said[:end])}, c.users)
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("cut at %d: %v", end, err)
				}
			}
		})
	}
}

func TestAcceptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		users            Users
		said, told, text string
	}{
		"version":              {anyone, "\x06", "", "SOCKS version 6"},
		"version of a request": {anyone, "\x05\x01\x00\x04\x01\x00\x01", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00", "version 4 in a request"},
		"methods":              {anyone, "\x05\x01\x01", "\x05\xff", "none is known"},
		"bind":                 {anyone, "\x05\x01\x00\x05\x02\x00\x03\x01a\x00\x50", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00", "command 2"},
		"bind in 4":            {anyone, "\x04\x02\x00\x50\x7f\x00\x00\x01\x00", "\x00\x5b\x00\x00\x00\x00\x00\x00", "command 2"},
		"address type":         {anyone, "\x05\x01\x00\x05\x01\x00\x02", "\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00", "address type 2"},
		"endless name":         {anyone, "\x04\x01\x00\x50\x00\x00\x00\x01\x00" + strings.Repeat("a", 300), "", "without an end"},
		"wrong password":       {known, "\x05\x01\x02\x01\x03ann\x02px", "\x05\x02\x01\x01", ErrAuth.Error()},
		"wrong, if asked":      {asked, "\x05\x02\x00\x02\x01\x03ann\x02px", "\x05\x02\x01\x01", ErrAuth.Error()},
		"no password":          {known, "\x05\x01\x00", "\x05\xff", ErrAuth.Error()},
		"no password in 4":     {known, "\x04\x01\x00\x50\x7f\x00\x00\x01ann\x00", "\x00\x5b\x00\x00\x00\x00\x00\x00", ErrAuth.Error()},
		"version of passwords": {known, "\x05\x01\x02\x05", "\x05\x02", "version 5 of user"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &peer{Reader: strings.NewReader(c.said)}
			if _, err := Accept(p, c.users); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one of %q", err, c.text)
			}
			if p.told.String() != c.told {
				t.Errorf("told %q, want %q", &p.told, c.told)
			}
		})
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		version byte
		code    Code
		want    string
	}{
		{version5, Succeeded, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		{version5, ConnectionRefused, "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"},
		{version4, Succeeded, "\x00\x5a\x00\x00\x00\x00\x00\x00"},
		{version4, TTLExpired, "\x00\x5b\x00\x00\x00\x00\x00\x00"},
	} {
		var got bytes.Buffer
		if err := (&Request{version: c.version}).Reply(&got, c.code); err != nil || got.String() != c.want {
			t.Errorf("version %d, code %d: %q, %v", c.version, c.code, &got, err)
		}
	}
}

// FuzzAccept reads no more than a handshake can have, whatever there is.
func FuzzAccept(f *testing.F) {
	f.Add("\x05\x02\x00\x02\x01\x03ann\x02pw\x05\x01\x00\x03\x01a\x00\x50", true)
	f.Add("\x05\x01\x00\x05\x01\x00\x04"+strings.Repeat("\x00", 15)+"\x01\x01\xbb", false)
	f.Add("\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00", false)
	f.Fuzz(func(t *testing.T, said string, private bool) {
		users := anyone
		if private {
			users = known
		}
		r := strings.NewReader(said)
		req, err := Accept(&peer{Reader: r}, users)
		if (req == nil) == (err == nil) {
			t.Errorf("request %v, error %v", req, err)
		}
		if n := len(said) - r.Len(); n > 2<<10 {
			t.Errorf("read %d bytes", n)
		}
	})
}
