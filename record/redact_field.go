package record

import "bytes"

// appendCookies appends the value of a Cookie field (RFC 6265 section 4.2.1):
// the value of each pair is a secret.
func (r *redactor) appendCookies(dst, value []byte) []byte {
	for i := 0; i < len(value); {
		end := indexFrom(value, i, ';')
		start := i
		for start < end && isBlank(value[start]) {
			start++
		}
		dst = append(dst, value[i:start]...)
		dst = r.appendCookie(dst, value[start:end])
		if end < len(value) {
			dst = append(dst, ';')
		}
		i = end + 1
	}
	return dst
}

// appendSetCookie appends the value of a Set-Cookie field (RFC 6265 section
// 4.1.1): the value of the cookie is a secret, its attributes are not.
func (r *redactor) appendSetCookie(dst, value []byte) []byte {
	end := indexFrom(value, 0, ';')
	dst = r.appendCookie(dst, value[:end])
	return append(dst, value[end:]...)
}

// appendCookie appends name=value; what has no name is all value.
func (r *redactor) appendCookie(dst, pair []byte) []byte {
	eq := indexFrom(pair, 0, '=')
	if eq == len(pair) {
		return r.appendMark(dst, []byte("cookie"), pair)
	}
	dst = append(dst, pair[:eq+1]...)
	return r.appendMark(dst, pair[:eq], pair[eq+1:])
}

// appendURL appends a URL: secrets may be in the user information, in the query,
// and in a fragment that looks like one (RFC 6749 section 4.2.2).
func (r *redactor) appendURL(dst, u []byte) []byte {
	dst, u = r.appendUserInfo(dst, u)
	for {
		i := bytes.IndexAny(u, "?#")
		if i < 0 {
			return append(dst, u...)
		}
		end := indexFrom(u, i+1, '#')
		dst = append(dst, u[:i+1]...)
		dst = r.appendPairs(dst, u[i+1:end])
		u = u[end:]
	}
}

// appendUserInfo appends a URL up to its host, if it has user information (RFC
// 3986 section 3.2.1), and returns what is left of it. All of that is a secret:
// some services take a token as the name.
func (r *redactor) appendUserInfo(dst, u []byte) (appended, rest []byte) {
	scheme, rest, ok := bytes.Cut(u, []byte("//"))
	if !ok || bytes.ContainsAny(scheme, "/?#") {
		return dst, u
	}
	authority := rest
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := bytes.LastIndexByte(authority, '@')
	if at < 0 {
		return dst, u
	}
	dst = append(append(dst, scheme...), "//"...)
	return r.appendMark(dst, []byte("userinfo"), rest[:at]), rest[at:]
}

// appendPairs appends name=value pairs joined by "&".
func (r *redactor) appendPairs(dst, pairs []byte) []byte {
	s := scanner{grammar: formGrammar{r.patterns.query}, redactor: r}
	return s.whole(dst, pairs)
}

// appendLinks appends the value of a Link field (RFC 8288 section 3), whose URLs are
// between < and >.
func (r *redactor) appendLinks(dst, value []byte) []byte {
	for {
		start := indexFrom(value, 0, '<')
		if start == len(value) {
			return append(dst, value...)
		}
		end := indexFrom(value, start, '>')
		dst = append(dst, value[:start+1]...)
		dst = r.appendURL(dst, value[start+1:end])
		value = value[end:]
	}
}

// appendRefresh appends the value of a Refresh field as HTML has it: seconds, and a
// URL, with or without url= and a quote before it.
func (r *redactor) appendRefresh(dst, value []byte) []byte {
	start := bytes.IndexAny(value, ";,") + 1
	if eq := indexFrom(value, start, '='); eq < len(value) && bytes.EqualFold(bytes.TrimSpace(value[start:eq]), []byte("url")) {
		start = eq + 1
	}
	for start < len(value) && (isBlank(value[start]) || value[start] == '"' || value[start] == '\'') {
		start++
	}
	return r.appendURL(append(dst, value[:start]...), value[start:])
}

// appendProtocols appends the value of a Sec-WebSocket-Protocol field. Browsers can
// send no Authorization with a handshake, so a token is in a protocol that says bearer
// (as that of Kubernetes), or it is the one behind the name of a secret.
func (r *redactor) appendProtocols(dst, value []byte) []byte {
	var name []byte // of the secret that is next
	for {
		end := indexFrom(value, 0, ',')
		item := bytes.TrimLeft(value[:end], " \t")
		dst = append(dst, value[:end-len(item)]...)
		item, after := bytes.TrimRight(item, " \t"), item
		switch i := bytes.Index(bytes.ToLower(item), bearer); {
		case name != nil:
			dst = r.appendMark(dst, name, item)
		case i >= 0 && i+len(bearer)+1 < len(item):
			start := i + len(bearer) + 1
			dst = r.appendMark(append(dst, item[:start]...), bearer, item[start:])
		default:
			dst = append(dst, item...)
		}
		dst = append(dst, after[len(item):]...)
		if name = nil; isSecret(item) {
			name = item
		}
		if end == len(value) {
			return dst
		}
		dst, value = append(dst, ','), value[end+1:]
	}
}

var bearer = []byte("bearer")
