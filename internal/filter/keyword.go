package filter

import (
	"slices"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// keyword is a word that is a term by itself.
type keyword struct {
	match predicate
	may   scan
}

var keywords = map[string]keyword{
	"all":      {match: func(*Subject) bool { return true }, may: func(line) possible { return canBeTrue }},
	"ws":       {match: (*Subject).webSocket, may: isSocketLine},
	"wss":      {match: func(s *Subject) bool { return s.webSocket() && s.secure() }, may: maybeSocketLine},
	"http":     {match: isHTTP, may: only(httpLines)},
	"https":    {match: func(s *Subject) bool { return isHTTP(s) && s.secure() }, may: only(httpLines)},
	"h1":       {match: isProto("HTTP/1"), may: only(exchangeLines)},
	"h2":       {match: isProto("HTTP/2"), may: only(exchangeLines)},
	"h3":       {match: isProto("HTTP/3"), may: only(exchangeLines)},
	"sse":      {match: func(s *Subject) bool { return hasMediaType(s.response(), "text/event-stream") }, may: only(exchangeLines)},
	"grpc":     {match: isGRPC, may: only(exchangeLines)},
	"tcp":      {match: func(s *Subject) bool { return s.Tunnel != nil }, may: only(tunnelLine)},
	"tls":      {match: func(s *Subject) bool { return s.TLSFailed != nil }, may: only(tlsLine)},
	"error":    {match: isError, may: errorLine},
	"pending":  {match: func(s *Subject) bool { return s.Pending }},
	"held":     {match: func(s *Subject) bool { return s.Held }},
	"replayed": {match: isReplayed, may: only(exchangeLines)},
	"mocked":   {match: isMocked, may: only(exchangeLines)},
	"modified": {match: isModified, may: only(exchangeLines)},
	"req":      {match: func(s *Subject) bool { return isExchange(s) && s.response() == nil }, may: only(httpLines | lineOpen)},
	"res":      {match: func(s *Subject) bool { return isExchange(s) && s.response() != nil }, may: only(httpLines | lineOpen)},
}

// keywordTerm returns the term of a keyword, nil if there is none of that name.
func keywordTerm(name string) *term {
	k, ok := keywords[name]
	if !ok {
		return nil
	}
	return &term{text: name, match: k.match, may: k.may}
}

// isExchange reports whether the subject is an exchange itself.
func isExchange(s *Subject) bool { return s.Exchange != nil && !s.messageOfSocket() }

func isHTTP(s *Subject) bool { return s.request() != nil && !s.webSocket() }

func isProto(prefix string) predicate {
	return func(s *Subject) bool {
		r := s.request()
		return r != nil && strings.HasPrefix(r.Proto, prefix)
	}
}

func hasMediaType(r *traffic.Response, mediaType string) bool {
	return r != nil && equalFold(mediaTypeOf(r.Header.Get("Content-Type")), mediaType)
}

// isError reports whether something did not end as it should have: a failure, or
// a connection without a close frame.
func isError(s *Subject) bool {
	switch {
	case s.Frame != nil:
		return false
	case s.Close != nil:
		return s.Close.Code == closeAbnormal
	case s.Tunnel != nil:
		return s.Tunnel.Failure != nil
	}
	return s.TLSFailed != nil || s.Exchange != nil && s.Exchange.Failure != nil
}

// TagReplayed is a tag that says that a recording answered an exchange, for those
// that come from elsewhere.
const TagReplayed = "replayed"

// isReplayed reports whether a recording answered.
func isReplayed(s *Subject) bool {
	return isFrom(s, traffic.SourceReplay) || s.Exchange != nil && slices.Contains(s.Exchange.Tags, TagReplayed)
}

// isMocked reports whether a rule answered.
func isMocked(s *Subject) bool { return isFrom(s, traffic.SourceRule) && !isReplayed(s) }

func isFrom(s *Subject, source traffic.Source) bool {
	return s.Exchange != nil && s.Exchange.Response != nil && s.Exchange.Response.Source == source
}

// isModified reports whether rules have changed what went to the origin or what it
// answered, or a frame. What a recording has answered is not kept as it was: then
// it is whether rules were applied.
func isModified(s *Subject) bool {
	if f := s.Frame; f != nil {
		return f.Edited || f.Injected || f.Dropped
	}
	x := s.Exchange
	return x != nil && s.Close == nil && (x.Edited() || len(x.Rules) > 0 && isReplayed(s))
}
