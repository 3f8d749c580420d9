package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// piece is how much of content is sent at once, in bytes.
const piece = 1 << 20

// sendBodies sends the content that the lines of a batch name, unless Redis has it.
func (s *sender) sendBodies(ctx context.Context, b *batch) error {
	for _, path := range b.bodies {
		has, err := s.refresh(ctx, s.target.bodyKey(filepath.Base(path)))
		if err == nil && !has {
			err = s.sendBody(ctx, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refresh lets content live as long as the lines that name it now, and reports
// whether it is there.
func (s *sender) refresh(ctx context.Context, key string) (bool, error) {
	if s.life() == 0 {
		n, err := s.client.Exists(ctx, key).Result()
		return n > 0, explain(err)
	}
	has, err := s.client.PExpire(ctx, key, s.life()).Result()
	return has, explain(err)
}

// sendBody sends content in pieces, under another key until it is whole.
func (s *sender) sendBody(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("a body is missing in the spool", "file", path)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	key := s.target.bodyKey(filepath.Base(path))
	// Named for the recorder: two that send the same must not mix.
	temp := key + ":" + s.spool.recorder
	hash := sha256.New()
	content := io.Reader(f)
	if s.spool.left { // else this process has named it for its hash
		content = io.TeeReader(f, hash)
	}
	err = s.sendPieces(ctx, temp, content)
	switch {
	case err == nil && s.spool.left && hex.EncodeToString(hash.Sum(nil)) != filepath.Base(path):
		s.log.Warn("a body in the spool is damaged", "file", path)
		return explain(s.client.Del(ctx, temp).Err())
	case err != nil && isTooLong(err):
		s.log.Warn("a body is too long for redis", "file", path, "err", err)
		return explain(s.client.Del(ctx, temp).Err())
	case err != nil:
		return explain(err)
	}
	return explain(s.client.Rename(ctx, temp, key).Err())
}

// sendPieces writes all of r to a key. A piece that comes twice does no harm.
func (s *sender) sendPieces(ctx context.Context, key string, r io.Reader) error {
	buf := make([]byte, piece)
	for offset := int64(0); ; {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			pipe := s.client.Pipeline()
			pipe.SetRange(ctx, key, offset, string(buf[:n]))
			if s.life() > 0 {
				pipe.PExpire(ctx, key, s.life())
			}
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
			s.progress.Add(1)
			offset += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// isTooLong reports whether an error says that a string would be longer than Redis
// allows, which is 512 MB unless proto-max-bulk-len says otherwise.
func isTooLong(err error) bool { return strings.Contains(err.Error(), "exceeds maximum allowed size") }
