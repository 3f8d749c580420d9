package h1

import (
	"github.com/necto-dev/necto/traffic"
)

// CheckRequest says what is wrong with a request that was made or changed in
// code, as an *Error: what of it could not be sent so that every parser reads the
// same (RFC 9110 section 5.5, RFC 9112 section 11.1). Framing is not checked.
func CheckRequest(req *traffic.Request) error {
	if !isToken(req.Method) {
		return badf(400, "invalid method %.80q", req.Method)
	}
	if req.Method == "CONNECT" {
		return badf(400, "a request cannot become a CONNECT")
	}
	if err := checkURL(req.URL); err != nil {
		return err
	}
	if err := checkVersion(req.Proto); err != nil {
		return err
	}
	if err := CheckFields(req.Header); err != nil {
		return err
	}
	return CheckHost(req)
}

// checkURL wants an origin and, as the target, a path or "*".
func checkURL(u traffic.URL) error {
	switch u.Scheme {
	case "http", "https", "ws", "wss":
	default:
		return badf(400, "unsupported scheme %.20q", u.Scheme)
	}
	if err := traffic.CheckAuthority(u.Authority); err != nil {
		return badf(400, "invalid authority %.80q: %v", u.Authority, err)
	}
	if u.Target != "*" && (u.Target == "" || u.Target[0] != '/') {
		return badf(400, "the request target %.80q does not begin with a slash", u.Target)
	}
	return checkTarget(u.Target)
}

// checkTarget refuses bytes that would end a request-target.
func checkTarget(target string) error {
	for i := 0; i < len(target); i++ {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return badf(400, "the request target has the byte 0x%02x", c)
		}
	}
	return nil
}

// CheckResponse is CheckRequest for the head of a final response.
func CheckResponse(resp *traffic.Response) error {
	if resp.Status != 101 && (resp.Status < 200 || resp.Status > 999) {
		return badf(400, "invalid status %d", resp.Status)
	}
	if i := invalidValueByte(resp.Reason); i >= 0 {
		return badf(400, "the reason phrase has the byte 0x%02x", resp.Reason[i])
	}
	if err := checkVersion(resp.Proto); err != nil {
		return err
	}
	return CheckFields(resp.Header)
}

// CheckFields holds names and values of fields against RFC 9110 section 5. An
// error is an *Error.
func CheckFields(fields traffic.Fields) error {
	for i := range fields {
		f := &fields[i]
		if !isToken(f.Name) {
			return badf(400, "invalid field name %.80q", f.Name)
		}
		if i := invalidValueByte(f.Value); i >= 0 {
			return badf(400, "field %.80s has the byte 0x%02x", f.Name, f.Value[i])
		}
	}
	return nil
}
