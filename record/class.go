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
	fieldCoding               // Content-Encoding
	fieldMediaType            // Content-Type
)

func (c fieldClass) hasSecrets() bool { return fieldSecret <= c && c <= fieldURL }

// bodyClass says how secrets are found in content.
type bodyClass uint8

const (
	bodyPlain bodyClass = iota
	bodyJSON            // JSON, or text with JSON in it
	bodyForm            // application/x-www-form-urlencoded
	bodyParts           // multipart/form-data
)

// classes remembers the class of the field names and media types seen, which
// are few and come with every message.
type classes struct {
	fields map[string]fieldClass
	bodies map[string]bodyClass
}

func newClasses() classes {
	return classes{fields: map[string]fieldClass{}, bodies: map[string]bodyClass{}}
}

func (c *classes) field(name string) fieldClass {
	class, ok := c.fields[name]
	if !ok {
		class = classOfField(name)
		if len(c.fields) < maxRemembered {
			c.fields[strings.Clone(name)] = class
		}
	}
	return class
}

func classOfField(name string) fieldClass {
	switch {
	case strings.EqualFold(name, "Cookie"):
		return fieldCookie
	case strings.EqualFold(name, "Set-Cookie"):
		return fieldSetCookie
	case strings.EqualFold(name, "Location"), strings.EqualFold(name, "Referer"),
		strings.EqualFold(name, "Content-Location"):
		return fieldURL
	case strings.EqualFold(name, "Content-Encoding"):
		return fieldCoding
	case strings.EqualFold(name, "Content-Type"):
		return fieldMediaType
	case isSecret(name):
		return fieldSecret
	}
	return fieldPlain
}

func (c *classes) body(mediaType string) bodyClass {
	class, ok := c.bodies[mediaType]
	if !ok {
		class = classOfBody(strings.ToLower(mediaType))
		if len(c.bodies) < maxRemembered {
			c.bodies[strings.Clone(mediaType)] = class
		}
	}
	return class
}

// grammar returns how secrets are found, nil if they are not looked for.
func (c bodyClass) grammar() grammar {
	switch c {
	case bodyJSON:
		return jsonGrammar{}
	case bodyForm:
		return formGrammar{}
	case bodyParts:
		return partsGrammar{}
	}
	return nil
}

// classOfBody looks for JSON also in plain text and where nothing is said: it
// finds nothing in what is none.
func classOfBody(mediaType string) bodyClass {
	switch {
	case strings.HasPrefix(mediaType, "application/x-www-form-urlencoded"):
		return bodyForm
	case strings.HasPrefix(mediaType, "multipart/"):
		return bodyParts
	case mediaType == "", strings.Contains(mediaType, "json"),
		strings.HasPrefix(mediaType, "text/plain"), strings.HasPrefix(mediaType, "text/event-stream"):
		return bodyJSON
	}
	return bodyPlain
}

// content says what a message's header tells about its content.
type content struct {
	mediaType string
	coded     bool
}

func (c *classes) content(header traffic.Fields) (about content) {
	for i := range header {
		switch c.field(header[i].Name) {
		case fieldMediaType:
			about.mediaType = header[i].Value
		case fieldCoding:
			about.coded = true
		}
	}
	return about
}
