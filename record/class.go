package record

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// fieldClass says what a field name means to the writer.
type fieldClass uint8

const (
	fieldPlain     fieldClass = iota
	fieldSecret               // the whole value is a secret
	fieldCookie               // Cookie
	fieldSetCookie            // Set-Cookie
	fieldURL                  // the value is a URL, whose query may have secrets
	fieldLinks                // Link: URLs are between < and >
	fieldRefresh              // Refresh: a URL follows a number
	fieldProtocols            // Sec-WebSocket-Protocol: some clients put a token there
)

// bodyClass says how secrets are found in content.
type bodyClass uint8

const (
	bodyPlain  bodyClass = iota
	bodyJSON             // JSON, or text with JSON in it
	bodyForm             // application/x-www-form-urlencoded
	bodyParts            // multipart/form-data
	bodyScript           // JavaScript, which may be no more than JSON
	bodyProse            // other text, which has no names of secrets
)

// namedField is a field with a class of its own.
type namedField struct {
	name  string
	class fieldClass
}

// namedFields are these by the length of their names, which few other fields share.
var namedFields = func() (byLength [maxNamedField + 1][]namedField) {
	for _, f := range []namedField{
		{"Cookie", fieldCookie},
		{"Set-Cookie", fieldSetCookie},
		{"Location", fieldURL},
		{"Referer", fieldURL},
		{"Content-Location", fieldURL},
		{"Destination", fieldURL},
		{"Origin", fieldURL},
		{"X-Original-URL", fieldURL},
		{"X-Rewrite-URL", fieldURL},
		{"Link", fieldLinks},
		{"Refresh", fieldRefresh},
		{"Sec-WebSocket-Protocol", fieldProtocols},
	} {
		byLength[len(f.name)] = append(byLength[len(f.name)], f)
	}
	return byLength
}()

// maxNamedField is the length of the longest of these names.
const maxNamedField = len("Sec-WebSocket-Protocol")

func classOfField(f traffic.Field) fieldClass {
	if len(f.Name) <= maxNamedField {
		for _, named := range namedFields[len(f.Name)] {
			if f.Is(named.name) {
				return named.class
			}
		}
	}
	if isSecret(f.Name) {
		return fieldSecret
	}
	return fieldPlain
}

// classes remembers the class of the media types seen, which are few and come
// with every message.
type classes map[string]bodyClass

func (c classes) body(mediaType string) bodyClass {
	class, ok := c[mediaType]
	if !ok {
		class = classOfBody(strings.ToLower(mediaType))
		if len(c) < maxRemembered {
			c[strings.Clone(mediaType)] = class
		}
	}
	return class
}

// grammar returns how secrets are found, nil if they are not looked for.
func (c bodyClass) grammar(p *patterns) grammar {
	switch c {
	case bodyJSON:
		return jsonGrammar{}
	case bodyForm:
		return formGrammar{p.form}
	case bodyParts:
		return partsGrammar{p.form}
	case bodyScript:
		return scriptGrammar{}
	case bodyProse:
		return textGrammar{}
	default:
		return nil
	}
}

// classOfBody looks for JSON also in plain text and where nothing is said: it
// finds nothing in what is none.
func classOfBody(mediaType string) bodyClass {
	switch {
	case strings.HasPrefix(mediaType, "application/grpc"):
		return bodyPlain // a mark would not fit the lengths in front of messages
	case strings.HasPrefix(mediaType, "application/x-www-form-urlencoded"):
		return bodyForm
	case strings.HasPrefix(mediaType, "multipart/"):
		return bodyParts
	case mediaType == "", strings.Contains(mediaType, "json"),
		strings.HasPrefix(mediaType, "text/plain"), strings.HasPrefix(mediaType, "text/event-stream"):
		return bodyJSON
	case strings.Contains(mediaType, "javascript"):
		return bodyScript
	case mayBeText(mediaType):
		return bodyProse
	}
	return bodyPlain
}

// content says what a message's header tells about its content.
type content struct {
	mediaType string
	coded     bool
}

// alsoType returns the media type where another field may have said one already. Who
// reads the content may believe either.
func alsoType(before, mediaType string) string {
	if before == "" {
		return mediaType
	}
	return before + ", " + mediaType
}

func contentOf(header traffic.Fields) (about content) {
	for i := range header {
		switch {
		case header[i].Is("Content-Type"):
			about.mediaType = alsoType(about.mediaType, header[i].Value)
		case header[i].Is("Content-Encoding"):
			about.coded = true
		}
	}
	return about
}
