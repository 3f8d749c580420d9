package tail

import (
	"strconv"

	"github.com/necto-dev/necto/internal/wsframe"
)

// closeText returns a close code with its meaning.
func closeText(code int) string {
	text := strconv.Itoa(code)
	if meaning := wsframe.CloseText(code); meaning != "" {
		return text + " " + meaning
	}
	switch {
	case code >= 3000 && code < 4000:
		return text + " Registered by a library"
	case code >= 4000 && code < 5000:
		return text + " Private to the application"
	}
	return text
}
