package wsframe_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/wsframe"
)

func TestAppendDeflate(t *testing.T) {
	noise := make([]byte, 4096)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	full := wsframe.Compression{WindowBits: 15}
	tests := []struct {
		name       string
		message    string
		agreed     wsframe.Compression
		compressed bool
	}{
		{"short", strings.Repeat("a", 511), full, false},
		{"long enough", strings.Repeat("a", 512), full, true},
		{"several blocks", strings.Repeat("several blocks ", 20000), full, true},
		{"no takeover", strings.Repeat("a", 512), wsframe.Compression{WindowBits: 15, NoTakeover: true}, true},
		{"small window", strings.Repeat("a", 512), wsframe.Compression{WindowBits: 14}, false},
		{"no deflate", strings.Repeat("a", 512), wsframe.Compression{}, false},
		{"incompressible", string(noise), full, false},
		{"empty", "", full, false},
	}
	for _, test := range tests {
		out, compressed := wsframe.AppendDeflate([]byte("before"), []byte(test.message), test.agreed)
		rest, ok := strings.CutPrefix(string(out), "before")
		if !ok || compressed != test.compressed {
			t.Errorf("%s: compressed is %v, begins %.10q", test.name, compressed, out)
			continue
		}
		if compressed && len(rest) >= len(test.message) {
			t.Errorf("%s: %d bytes became %d", test.name, len(test.message), len(rest))
		}
		if compressed {
			got, err := inflateAll(wsframe.NewInflater(false), []string{rest}, 1<<20)
			if err != nil || got[0] != test.message {
				t.Errorf("%s: inflates to something else, %v", test.name, err)
			}
		} else if rest != test.message {
			t.Errorf("%s: not compressed and changed", test.name)
		}
	}
}

// TestEditedStreamIsUnderstood: a receiver with context takeover gets messages
// in their original compression, and from one edit on ours.
func TestEditedStreamIsUnderstood(t *testing.T) {
	peer := deflated{takeover: true}
	receiver := wsframe.NewInflater(true)
	for i, message := range chat(40) {
		payload := []byte(peer.compress(t, message))
		if i >= 20 {
			var compressed bool
			message += " edited"
			if payload, compressed = wsframe.AppendDeflate(nil, []byte(message), wsframe.Compression{WindowBits: 15}); !compressed {
				continue // sent without RSV1, it does not meet the inflater
			}
		}
		var out buffer
		if err := receiver.Write(payload, true, &out); err != nil || string(out.kept) != message {
			t.Fatalf("message %d: %v, %.80q", i, err, out.kept)
		}
	}
}
