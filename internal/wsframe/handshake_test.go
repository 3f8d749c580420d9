package wsframe_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/wsframe"
)

func TestAcceptKeyOfTheStandard(t *testing.T) {
	// RFC 6455 section 1.3
	if got := wsframe.AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %q", got)
	}
}
