package rules

import (
	"net/url"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// Subject is what rules are matched with: an exchange under way, or a message on
// its WebSocket connection. One goroutine uses it at a time.
type Subject struct {
	// Request is the request as it is now. Who edits one puts an edited Clone
	// here: a Subject remembers what it has found out about a request.
	Request *traffic.Request
	// Response is nil until there is one.
	Response *traffic.Response
	// Frame is nil unless the subject is a message.
	Frame *traffic.Frame
	// Exchange is the one it belongs to, nil if that is not known. Only what
	// RequestStarted announces is read of it.
	Exchange *traffic.Exchange
	// Rules and Tags are what was noted about the exchange so far.
	Rules, Tags []string
	// Held says that it waits at a breakpoint.
	Held bool
	// Content returns the content of the request or the response, content
	// coding undone, or why it is not to be had, as when there is too much of it.
	// nil means that there is none. It may be called several times.
	Content func(traffic.Direction) ([]byte, error)
	// Skipped, if not nil, is told of a rule or a breakpoint that was not asked
	// because it needs content that is not to be had.
	Skipped func(name string, err error)

	seen *traffic.Request // the one that head is of
	head head
}

// head is what patterns look at, taken from a request once. Folded text is in
// lower case.
type head struct {
	scheme           string
	host, port       string // host folded
	path, foldedPath string
	url, foldedURL   string
	urlShape         uint64              // 0 until asked for
	handshake        bool                // of a WebSocket connection
	query            url.Values          // nil until asked for
	cookies          map[string][]string // nil until asked for
	index            *index              // the one that lists are of
	lists            [][]int32           // its candidates from number from on
	from             int
}

// look returns the head of the request as it is now.
func (s *Subject) look() *head {
	if s.seen == s.Request {
		return &s.head
	}
	u := s.Request.URL
	s.seen = s.Request
	s.head = head{scheme: u.Scheme, host: fold(u.Hostname()), port: u.Port(), path: u.Path()}
	h := &s.head
	h.foldedPath = fold(h.path)
	h.handshake = s.Request.Header.HasToken("Upgrade", "websocket")
	if h.handshake {
		h.scheme = u.WebSocket().Scheme
	}
	authority := strings.TrimSuffix(u.Authority, ":"+traffic.DefaultPort(u.Scheme))
	h.url = h.scheme + "://" + authority + u.Target
	h.foldedURL = fold(h.url)
	return h
}

// queryValues returns the values of a query parameter.
func (s *Subject) queryValues(name string) []string {
	h := s.look()
	if h.query == nil {
		text, _ := s.Request.URL.Query()
		h.query = parseQuery(text)
	}
	return h.query[name]
}

// parseQuery splits a query or an urlencoded form. What is not well encoded
// stands for itself.
func parseQuery(text string) url.Values {
	values := make(url.Values)
	for part := range strings.SplitSeq(text, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name = unescape(name)
		values[name] = append(values[name], unescape(value))
	}
	return values
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// cookieValues returns the values of a cookie.
func (s *Subject) cookieValues(name string) []string {
	h := s.look()
	if h.cookies == nil {
		h.cookies = make(map[string][]string)
		for _, field := range s.Request.Header.Values("Cookie") {
			for pair := range strings.SplitSeq(field, ";") {
				key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				h.cookies[key] = append(h.cookies[key], strings.Trim(value, `"`))
			}
		}
	}
	return h.cookies[name]
}

// content returns the content of one side.
func (s *Subject) content(dir traffic.Direction) ([]byte, error) {
	if s.Content == nil {
		return nil, nil
	}
	return s.Content(dir)
}

// filtered returns what a filter expression is asked about.
func (s *Subject) filtered(fail func(error)) *filter.Subject {
	x := &traffic.Exchange{Rules: s.Rules, Tags: s.Tags, RequestDone: -1, ResponseStarted: -1}
	if began := s.Exchange; began != nil {
		x.ID, x.Conn, x.Started, x.Client, x.TLS = began.ID, began.Conn, began.Started, began.Client, began.TLS
	}
	x.Request, x.Response = s.Request, s.Response
	if s.Response != nil && !x.Started.IsZero() {
		x.ResponseStarted = time.Since(x.Started)
		x.Duration = x.ResponseStarted
	}
	return &filter.Subject{
		Exchange: x, Frame: s.Frame, Held: s.Held, Pending: s.Response == nil && s.Frame == nil,
		Content: func(dir traffic.Direction) []byte {
			content, err := s.content(dir)
			if err != nil {
				fail(err)
			}
			return content
		},
	}
}
