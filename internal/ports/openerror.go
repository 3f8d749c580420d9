package ports

import (
	"strconv"
	"strings"
)

// failed returns the event of a request for which something went wrong.
func failed(requestID string, err *OpenError) Event {
	return Event{ProxyError, requestID + ":req_proxy_config_error@" + err.detail()}
}

// Code says in a word why a port could not be put to use.
type Code string

// The codes. Those with spaces are 9Proxy's.
const (
	CodeBusy        Code = "port_busy"         // somebody else listens there
	CodeDial        Code = "dial_failed"       // what is behind it was not reached
	CodeNoCandidate Code = "no_candidate"      // there is none with these labels
	CodeBinding     Code = "binding_failed"    // for instance, a recording that cannot be read
	CodeNoPort      Code = "no port available" // none is free, or none has a binding
	CodeInvalid     Code = "status:400"        // the request makes no sense for this port
)

// OpenError is why a port could not be put to use.
type OpenError struct {
	Code Code
	// Port is 0 where no port in particular is meant.
	Port int
	// Err says more; nil for nothing.
	Err error
}

// Error says which port it is about and why.
func (e *OpenError) Error() string {
	text := string(e.Code)
	if e.Code == CodeInvalid {
		text = "not valid"
	}
	if e.Port != 0 {
		text = "port " + strconv.Itoa(e.Port) + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *OpenError) Unwrap() error { return e.Err }

// detail returns what stands behind the @ of proxyError: the code and then, with
// bars between them, port:number and message:text.
func (e *OpenError) detail() string {
	text := string(e.Code)
	if e.Port != 0 {
		text += "|port:" + strconv.Itoa(e.Port)
	}
	switch {
	case e.Err != nil:
		text += "|message:" + e.Err.Error()
	case e.Code == CodeInvalid:
		text += "|message:VALIDATE_FAILED"
	}
	return strings.Join(strings.Fields(text), " ") // on one line
}
