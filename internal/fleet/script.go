package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrTaken is wrapped by errors of a recorder whose id another one uses.
var ErrTaken = errors.New("another recorder has the same id")

// joinScript makes a recorder known and returns the seq of its last line in the
// stream. KEYS: its hash. ARGV: its token, its first line, the seq before the first
// line that it can send, and how long the hash lives in ms, 0 for ever.
//
// Where the hash says less than what can be sent, Redis has lost lines. Nobody can
// bring those back: it goes on behind them.
var joinScript = redis.NewScript(`
local token = redis.call('HGET', KEYS[1], 'token')
if token and token ~= ARGV[1] then
	return -1
end
local last = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0')
if not token or last < tonumber(ARGV[3]) then
	last = math.max(last, tonumber(ARGV[3]))
	redis.call('HSET', KEYS[1], 'token', ARGV[1], 'meta', ARGV[2], 'seq', string.format('%.0f', last))
end
if ARGV[4] ~= '0' then
	redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return last
`)

// addScript adds the lines to the stream that are not in it yet. KEYS: the stream,
// and the hash of the recorder. ARGV: the recorder and its token, the seq of the
// first line, how long the hash lives as for joinScript, what is kept of the
// stream, as a number of entries and in ms, both 0 for all, and the lines. It
// returns a word of addAnswers.
//
// Entries are trimmed in whole nodes, which costs Redis next to nothing.
var addScript = redis.NewScript(`
local state = redis.call('HMGET', KEYS[2], 'token', 'seq')
if not state[1] then
	return 'join'
end
local last, first, count = tonumber(state[2]), tonumber(ARGV[3]), #ARGV - 6
if state[1] ~= ARGV[2] or last > first + count - 1 then
	return 'taken'
end
if first > last + 1 then
	return 'join'
end
for i = last + 2 - first, count do
	redis.call('XADD', KEYS[1], '*', 'recorder', ARGV[1], 'line', ARGV[6 + i])
end
redis.call('HSET', KEYS[2], 'seq', string.format('%.0f', first + count - 1))
if ARGV[4] ~= '0' then
	redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
if ARGV[5] ~= '0' then
	redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[5])
end
if ARGV[6] ~= '0' then
	local now = redis.call('TIME')
	local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[6]
	redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(oldest, 0)))
end
return 'ok'
`)

// The answers of addScript.
const (
	addOK    = "ok"
	addJoin  = "join" // Redis does not know the recorder, or not what it had sent
	addTaken = "taken"
)

// join makes the recorder known and returns the seq of its last line in the stream.
// Of a spool that was left Redis may have more than there is: what it has taken, a
// power failure can take from the disk.
func (s *sender) join(ctx context.Context) (uint64, error) {
	first, next := s.spool.bounds()
	last, err := joinScript.Run(ctx, s.client, []string{s.target.stateKey(s.spool.recorder)},
		s.spool.about.Token, s.meta, max(first-1, s.missing), s.life().Milliseconds()).Int64()
	if err != nil {
		return 0, explain(err)
	}
	if last < 0 || uint64(last) >= next && !s.spool.left {
		return 0, fmt.Errorf("%w: %s", ErrTaken, s.spool.recorder)
	}
	return uint64(last), nil
}

// add adds a batch and returns the answer of addScript.
func (s *sender) add(ctx context.Context, b *batch) (string, error) {
	keys := []string{s.target.Stream, s.target.stateKey(s.spool.recorder)}
	args := make([]any, 0, 6+len(b.lines))
	args = append(args, s.spool.recorder, s.spool.about.Token, b.first, s.life().Milliseconds(), s.keep.MaxLen, s.keep.MaxAge.Milliseconds())
	for _, line := range b.lines {
		args = append(args, line)
	}
	answer, err := addScript.Run(ctx, s.client, keys, args...).Text()
	return answer, explain(err)
}

// life is how long what belongs to lines lives in Redis, 0 for ever: longer than
// the lines, which are removed only when others come.
func (s *sender) life() time.Duration {
	if s.keep.MaxAge == 0 {
		return 0
	}
	return s.keep.MaxAge + time.Hour
}
