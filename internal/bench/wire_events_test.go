//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// batchFrame renders a batch of n entries from number i on, in the form of a frame
// that its size asks for.
func batchFrame(i, n int) []byte {
	entries := make([][]byte, n)
	for k := range entries {
		entries[k] = publishedEntry((i + k) % publishedEntries)
	}
	return messageFrame(slices.Concat(batchOpen, bytes.Join(entries, []byte(",")), batchClose))
}

// messageFrame renders an unmasked text frame.
func messageFrame(text []byte) []byte {
	switch n := len(text); {
	case n <= shortMost:
		return append([]byte{finalText, byte(n)}, text...)
	case n < 1<<16:
		return textFrame(text, nil)
	default:
		return append(binary.BigEndian.AppendUint64([]byte{finalText, long64}, uint64(n)), text...)
	}
}

func TestEntriesAreAsDescribed(t *testing.T) {
	size := len(publishedEntry(0))
	for _, i := range []int{0, 7, publishedEntries - 1} {
		entry := publishedEntry(i)
		if !json.Valid(entry) || len(entry) != size {
			t.Errorf("entry %d is %d bytes, valid JSON %t; want %d, true", i, len(entry), json.Valid(entry), size)
		}
	}
}

func TestBatchReaderTakesAnySplit(t *testing.T) {
	const last = publishedEntries - 1
	in := slices.Concat(batchFrame(last-1, batchEntries), messageFrame(ping), batchFrame(batchEntries-2, 1), batchFrame(batchEntries-1, 3))
	for _, step := range []int{1, 2, 3, 5, 1000, len(in)} {
		r := &batchReader{of: newBatches()}
		entries := 0
		for part := range slices.Chunk(in, step) {
			n, err := r.take(part)
			if err != nil {
				t.Fatalf("in parts of %d bytes: %v", step, err)
			}
			entries += n
		}
		if want := batchEntries + 1 + 3; entries != want {
			t.Errorf("in parts of %d bytes: %d entries, want %d", step, entries, want)
		}
	}
}

func TestBatchReaderNoticesFaults(t *testing.T) {
	first := batchFrame(0, 2)
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"skips a batch", append(first, batchFrame(4, 2)...), "goes on with"},
		{"says a batch again", append(first, first...), "goes on with"},
		{"changes an entry", append(first, bytes.Replace(batchFrame(2, 2), []byte("GET"), []byte("PUT"), 1)...), `goes on with "PUT`},
		{"changes the first batch", bytes.Replace(first, []byte("GET"), []byte("PUT"), 1), `goes on with "PUT`},
		{"sends half an entry", append(first, messageFrame(batchFrame(2, 1)[longHead:500])...), "is no batch"},
		{"sends a batch too large", batchFrame(0, batchEntries+1), "is no batch"},
		{"sends an empty batch", append(first, messageFrame([]byte(`42["traffic:batch",[]]`))...), "is no batch"},
		{"tells another event first", messageFrame([]byte(`42["lagged",` + strings.Repeat(" ", 100) + `]`)), "first message begins"},
		{"begins with an unknown entry", bytes.Replace(first, []byte("-10001"), []byte("-99999"), 1), "first message begins"},
		{"ends the connection", []byte{0x88, 0}, "begins with 0x88"},
		{"says something else", messageFrame([]byte("6")), `goes on with "6"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &batchReader{of: newBatches()}
			if _, err := r.take(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func FuzzBatchReader(f *testing.F) {
	f.Add(batchFrame(0, 2), 10)
	f.Add(slices.Concat(batchFrame(publishedEntries-1, 2), messageFrame(ping), batchFrame(1, 1)), 1)
	f.Add(batchFrame(0, batchEntries+1), 70_000)
	f.Add([]byte{finalText, long64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '4'}, 3)
	of := newBatches()
	f.Fuzz(func(t *testing.T, b []byte, split int) {
		split = max(0, min(split, len(b)))
		whole, parts := &batchReader{of: of}, &batchReader{of: of}
		want, wantErr := whole.take(b)
		got, err := parts.take(b[:split])
		if err == nil {
			var more int
			more, err = parts.take(b[split:])
			got += more
		}
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("split at %d: %d entries, %v; whole: %d, %v", split, got, err, want, wantErr)
		}
	})
}

func BenchmarkBatchReader(b *testing.B) {
	of := newBatches()
	var in []byte
	for i := 0; i < publishedEntries; i += batchEntries {
		in = append(in, batchFrame(i, batchEntries)...)
	}
	r := &batchReader{of: of}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if n, err := r.take(in); n != publishedEntries || err != nil {
			b.Fatal(n, err)
		}
	}
}
