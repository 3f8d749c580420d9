package wsframe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
)

// agreed is permessage-deflate with the given parameters.
func agreed(clientBits, serverBits int, clientAlone, serverAlone bool) wsframe.Extensions {
	return wsframe.Extensions{
		Deflate: true,
		Client:  wsframe.Compression{WindowBits: clientBits, NoTakeover: clientAlone},
		Server:  wsframe.Compression{WindowBits: serverBits, NoTakeover: serverAlone},
	}
}

func TestParseExtensions(t *testing.T) {
	tests := []struct {
		values string // fields separated by |
		want   wsframe.Extensions
	}{
		{"", wsframe.Extensions{}},
		{" , ,\t", wsframe.Extensions{}},
		{"permessage-deflate", agreed(15, 15, false, false)},
		{"Permessage-Deflate ; Server_No_Context_Takeover", agreed(15, 15, false, true)},
		{"permessage-deflate;client_no_context_takeover", agreed(15, 15, true, false)},
		{"permessage-deflate; server_max_window_bits=10; client_max_window_bits=\"8\"", agreed(8, 10, false, false)},
		{`permessage-deflate; server_max_window_bits="1\0"`, agreed(15, 10, false, false)},
		{"||permessage-deflate ,", agreed(15, 15, false, false)},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, wsframe.ParseExtensions(strings.Split(test.values, "|"))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.values, diff)
		}
	}
}

func TestExtensionsThatMakeOpaque(t *testing.T) {
	tests := []struct{ values, want string }{
		{"x-webkit-deflate-frame", `unknown extension "x-webkit-deflate-frame"`},
		{"permessage-deflate, x-other; a=b", `unknown extension "x-other"`},
		{"permessage-deflate|permessage-deflate", "negotiated twice"},
		{"permessage-deflate; server_no_context_takeover=1", "server_no_context_takeover"},
		{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", "client_no_context_takeover"},
		{"permessage-deflate; client_no_context_takeover; Client_No_Context_Takeover", "Client_No_Context_Takeover"},
		{"permessage-deflate; server_max_window_bits", "server_max_window_bits"},
		{"permessage-deflate; server_max_window_bits=7", "server_max_window_bits"},
		{"permessage-deflate; client_max_window_bits=16", "client_max_window_bits"},
		{"permessage-deflate; client_max_window_bits=08", "client_max_window_bits"},
		{"permessage-deflate; client_max_window_bits=x", "client_max_window_bits"},
		{"permessage-deflate; surprise", "surprise"},
		{"permessage-deflate;", "malformed"},
		{"permessage-deflate; a=", "malformed"},
		{`permessage-deflate; a=""`, "malformed"},
		{`permessage-deflate; a="b`, "malformed"},
		{`permessage-deflate; a="b\`, "malformed"},
		{`permessage-deflate; a="b c"`, "malformed"},
		{"permessage-deflate other", "malformed"},
		{"permessage-deflate\xff", "malformed"},
		{"=", "malformed"},
	}
	for _, test := range tests {
		got := wsframe.ParseExtensions(strings.Split(test.values, "|"))
		if !strings.Contains(got.Opaque, test.want) {
			t.Errorf("%q: opaque because of %q, want one about %q", test.values, got.Opaque, test.want)
		}
		if got.Opaque = ""; got != (wsframe.Extensions{}) {
			t.Errorf("%q: opaque, but %+v", test.values, got)
		}
	}
}

func TestAcceptDeflate(t *testing.T) {
	const alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	tests := []struct {
		offers, want string
		ext          wsframe.Extensions
	}{
		{"", "", wsframe.Extensions{}},
		{"x-webkit-deflate-frame", "", wsframe.Extensions{}},
		{"permessage-deflate; client_max_window_bits", alone, agreed(15, 15, true, true)},
		{"permessage-deflate; client_max_window_bits=12", alone, agreed(15, 15, true, true)},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", alone, agreed(15, 15, true, true)},
		{"x-other|permessage-deflate; server_max_window_bits=10", alone + "; server_max_window_bits=10", agreed(15, 10, true, true)},
		{"permessage-deflate; server_max_window_bits=7, permessage-deflate", alone, agreed(15, 15, true, true)},
		{"permessage-deflate; surprise, permessage-deflate; client_no_context_takeover=1", "", wsframe.Extensions{}},
		{"permessage-deflate; a=, permessage-deflate", "", wsframe.Extensions{}},
	}
	for _, test := range tests {
		value, ext := wsframe.AcceptDeflate(strings.Split(test.offers, "|"))
		if value != test.want {
			t.Errorf("%q: answer %q, want %q", test.offers, value, test.want)
		}
		if diff := cmp.Diff(test.ext, ext); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.offers, diff)
		}
	}
}
