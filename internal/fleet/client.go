package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// dialTimeout and answerTimeout are how long Redis may take to be reached, and
	// to answer.
	dialTimeout   = 2 * time.Second
	answerTimeout = 5 * time.Second
	// poolSize is how many connections there are at most.
	poolSize = 8
)

// ErrAccess is wrapped by errors for a user or a password that Redis does not take,
// or that are missing.
var ErrAccess = errors.New("redis refuses the user or the password")

// ErrUnreachable is wrapped by errors for a Redis that does not answer when it is
// looked for.
var ErrUnreachable = errors.New("redis does not answer")

// quiet keeps the library from writing to standard error.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

// Printf does nothing.
func (silence) Printf(context.Context, string, ...any) {}

// connect returns a client for a Redis that answers. tlsConfig is nil for the roots
// of the system. The error wraps ErrAccess or ErrUnreachable.
func connect(ctx context.Context, t Target, tlsConfig *tls.Config) (redis.UniversalClient, error) {
	if t.Stream == "" {
		return nil, fmt.Errorf("%s names no stream", t)
	}
	quiet()
	o := &redis.UniversalOptions{
		Addrs: t.Addrs, DB: t.DB, Username: t.User, Password: t.Password, IsClusterMode: t.Cluster,
		DialTimeout: dialTimeout, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout,
		// Who calls tries again, and knows what for.
		MaxRetries: -1, DialerRetries: 1,
		PoolSize: poolSize, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if t.TLS {
		if o.TLSConfig = tlsConfig; tlsConfig == nil {
			o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	client := redis.NewUniversalClient(o)
	if err := client.Ping(ctx).Err(); err != nil {
		if err = explain(err); !errors.Is(err, ErrAccess) {
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return nil, errors.Join(fmt.Errorf("reach %s: %w", t, err), client.Close())
	}
	return client, nil
}

// explain tells errors of access from others.
func explain(err error) error {
	for _, prefix := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password"} {
		if err != nil && strings.HasPrefix(err.Error(), prefix) {
			return fmt.Errorf("%w: %w", ErrAccess, err)
		}
	}
	return err
}
