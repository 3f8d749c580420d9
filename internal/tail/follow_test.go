package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	synctest.Test(t, func(t *testing.T) {
		w, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got bytes.Buffer
		done := make(chan error, 1)
		go func() {
			_, err := io.Copy(&got, Follow(ctx, f))
			done <- err
		}()
		for _, part := range []string{"one\n", "tw", "o\n"} {
			time.Sleep(time.Minute)
			fmt.Fprint(w, part)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got.String() != "one\ntwo\n" {
			t.Errorf("read %q", got.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFollowNoticesAnotherRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := Follow(t.Context(), f)
	if _, err := io.ReadFull(r, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 9)); !errors.Is(err, ErrReplaced) {
		t.Errorf("error %v", err)
	}
}
