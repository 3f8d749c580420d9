package har

import (
	"net/http"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// ResourceType guesses what Chrome would call the kind of an exchange: document,
// stylesheet, script, image, media, font, texttrack, manifest, xhr, fetch,
// preflight, eventsource, websocket or other. Browsers say it in the request, of
// other clients only the response tells; its fields are nil if there is none.
func ResourceType(method string, status int, request, response traffic.Fields) string {
	contentType := mediaType(response)
	switch {
	case status == http.StatusSwitchingProtocols || request.HasToken("Upgrade", "websocket"):
		return "websocket"
	case contentType == "text/event-stream":
		return "eventsource"
	case method == http.MethodOptions && request.Has("Access-Control-Request-Method"):
		return "preflight"
	case strings.EqualFold(request.Get("X-Requested-With"), "XMLHttpRequest"):
		return "xhr"
	}
	if kind := byDestination(request.Get("Sec-Fetch-Dest")); kind != "" {
		return kind
	}
	return byMediaType(contentType)
}

// byDestination returns the kind for a request destination (Fetch Standard,
// section 2.2.5), "" for an unknown one.
func byDestination(destination string) string {
	switch destination {
	case "document", "iframe", "frame", "embed", "object":
		return "document"
	case "style", "xslt":
		return "stylesheet"
	case "script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet":
		return "script"
	case "image", "font", "manifest":
		return destination
	case "audio", "video":
		return "media"
	case "track":
		return "texttrack"
	case "empty":
		return "fetch"
	}
	return ""
}

func byMediaType(mediaType string) string {
	top, sub, _ := strings.Cut(mediaType, "/")
	switch {
	case top == "image" || top == "font":
		return top
	case top == "audio" || top == "video":
		return "media"
	case sub == "html" || sub == "xhtml+xml":
		return "document"
	case sub == "css":
		return "stylesheet"
	case strings.HasSuffix(sub, "javascript") || sub == "ecmascript":
		return "script"
	case sub == "manifest+json":
		return "manifest"
	case sub == "json" || strings.HasSuffix(sub, "+json"):
		return "fetch"
	}
	return "other"
}

// mediaType returns the media type of the content in lower case, "" if the fields
// do not say.
func mediaType(header traffic.Fields) string {
	value, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.ToLower(trim(value))
}
