package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"
)

// readTime is how long content stays in Redis at least that is being read.
const readTime = 5 * time.Minute

// renewScript lets content live for a while, unless it does anyway. KEYS: the content.
// ARGV: how long, in ms.
var renewScript = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < tonumber(ARGV[1]) then
	redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
`)

// ErrNoBody is wrapped by errors for content whose time in Redis is over.
var ErrNoBody = errors.New("redis has it no more")

// OpenBody opens content that a line names by its SHA-256; the caller closes it. The
// errors of this and of reading wrap ErrNoBody if Redis has it no more. What is being
// read stays there, if this user of Redis may write.
func (s *Stream) OpenBody(ctx context.Context, hash string) (io.ReadCloser, error) {
	if !isHash([]byte(hash)) {
		return nil, fmt.Errorf("open body %.80q: the name is not a SHA-256", hash)
	}
	b := &body{ctx: ctx, stream: s, hash: hash, key: s.target.bodyKey(hash)}
	b.renew()
	n, err := s.client.StrLen(ctx, b.key).Result()
	if err != nil {
		return nil, fmt.Errorf("open body %s: %w", hash, explain(err))
	}
	if n == 0 { // no content is without a line
		return nil, fmt.Errorf("open body %s: %w", hash, ErrNoBody)
	}
	b.left = n
	return b, nil
}

// body reads content in pieces.
type body struct {
	ctx       context.Context // a field because Read cannot take one
	stream    *Stream
	hash, key string
	renewed   time.Time
	offset    int64
	left      int64  // in Redis
	have      []byte // what was read and not returned
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(b.have) == 0 {
		if b.left == 0 {
			return 0, io.EOF
		}
		if err := b.fetch(); err != nil {
			return 0, fmt.Errorf("read body %s: %w", b.hash, err)
		}
	}
	n := copy(p, b.have)
	b.have = b.have[n:]
	return n, nil
}

// fetch gets the next piece.
func (b *body) fetch() error {
	if time.Since(b.renewed) > readTime/2 {
		b.renew()
	}
	text, err := b.stream.client.GetRange(b.ctx, b.key, b.offset, b.offset+piece-1).Bytes()
	if err != nil {
		return explain(err)
	}
	if len(text) == 0 {
		return ErrNoBody
	}
	b.have = text
	b.offset += int64(len(text))
	b.left -= int64(len(text))
	return nil
}

// renew lets the content stay while it is read. Who may only read takes what there is.
func (b *body) renew() {
	b.renewed = time.Now()
	_ = renewScript.Run(b.ctx, b.stream.client, []string{b.key}, readTime.Milliseconds()).Err()
}

// Close implements io.Closer.
func (b *body) Close() error { return nil }
