package fleet

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// defaultPort is where Redis listens unless an address says otherwise.
const defaultPort = "6379"

// The schemes of a Target; those with TLS begin with "rediss".
const (
	schemePlain      = "redis"
	schemeTLS        = "rediss"
	schemeCluster    = "redis+cluster"
	schemeClusterTLS = "rediss+cluster"
)

var schemes = []string{schemePlain, schemeTLS, schemeCluster, schemeClusterTLS}

// Target is a stream in a Redis.
type Target struct {
	// Addrs are host:port of the Redis, of a Redis Cluster some of its nodes.
	Addrs []string
	// Cluster says that it is a Redis Cluster, TLS that connections are encrypted.
	Cluster, TLS bool
	// User and Password are "" if the Redis asks for none.
	User, Password string
	// DB is the number of the database, which a Redis Cluster has not.
	DB int
	// Stream is the key of the stream, "" if the text named none.
	Stream string
}

// IsTarget reports whether s has a scheme of ParseTarget.
func IsTarget(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && slices.Contains(schemes, scheme)
}

// ParseTarget reads redis://user:password@host:port/stream?db=1, where all but the
// host may be missing. rediss:// is with TLS; redis+cluster:// and
// rediss+cluster:// are for a Redis Cluster, of which several nodes may be given,
// separated by commas.
func ParseTarget(s string) (Target, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		return Target{}, fmt.Errorf("the scheme is none of %s", strings.Join(schemes, ", "))
	}
	t := Target{Cluster: strings.HasSuffix(scheme, "+cluster"), TLS: strings.HasPrefix(scheme, schemeTLS)}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if err := t.parseAuthority(authority); err != nil {
		return Target{}, err
	}
	if err := t.parseQuery(query); err != nil {
		return Target{}, err
	}
	stream, err := url.PathUnescape(path)
	if err != nil {
		return Target{}, fmt.Errorf("stream: %w", err)
	}
	t.Stream = stream
	return t, checkStream(stream)
}

// parseAuthority reads user:password@host:port,host:port.
func (t *Target) parseAuthority(s string) error {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		user, password, _ := strings.Cut(s[:at], ":")
		var errs [2]error
		t.User, errs[0] = url.PathUnescape(user)
		t.Password, errs[1] = url.PathUnescape(password)
		if errors.Join(errs[:]...) != nil {
			return errors.New("user or password: write % as %25") // the error would show them
		}
		s = s[at+1:]
	}
	for addr := range strings.SplitSeq(s, ",") {
		whole, err := withPort(addr)
		if err != nil {
			return err
		}
		t.Addrs = append(t.Addrs, whole)
	}
	if len(t.Addrs) > 1 && !t.Cluster {
		return fmt.Errorf("several hosts are for a cluster: %s://", schemeCluster)
	}
	return nil
}

// withPort returns an address as host:port.
func withPort(addr string) (string, error) {
	host, port := addr, defaultPort
	if colon := strings.LastIndexByte(addr, ':'); colon > strings.LastIndexByte(addr, ']') {
		host, port = addr[:colon], addr[colon+1:]
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inside, "]")
		if !ok || net.ParseIP(host) == nil {
			return "", fmt.Errorf("%q is no host", addr)
		}
	} else if strings.ContainsAny(host, "[]:") {
		return "", fmt.Errorf("%q is no host: write an IPv6 address in brackets", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is no port", port)
	}
	if host == "" {
		return "", errors.New("the host is missing")
	}
	return net.JoinHostPort(host, port), nil
}

func (t *Target) parseQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	for name, all := range values {
		if name != "db" || len(all) != 1 {
			return fmt.Errorf("unknown parameter %q", name)
		}
		if t.DB, err = strconv.Atoi(all[0]); err != nil || t.DB < 0 {
			return fmt.Errorf("db: %q is no number of a database", all[0])
		}
	}
	if t.Cluster && t.DB != 0 {
		return errors.New("db: a cluster has only one")
	}
	return nil
}

// checkStream refuses names that would lead elsewhere in a Redis Cluster: braces
// choose the node of a key.
func checkStream(name string) error {
	if strings.ContainsAny(name, "{}") {
		return fmt.Errorf("stream: %q has braces", name)
	}
	return nil
}

// String returns the text that ParseTarget reads, without the password.
func (t Target) String() string {
	scheme := schemePlain
	if t.TLS {
		scheme = schemeTLS
	}
	if t.Cluster {
		scheme += "+cluster"
	}
	s := scheme + "://"
	if t.User != "" {
		s += url.User(t.User).String() + "@"
	}
	s += strings.Join(t.Addrs, ",")
	if t.Stream != "" {
		s += "/" + url.PathEscape(t.Stream)
	}
	if t.DB != 0 {
		s += "?db=" + strconv.Itoa(t.DB)
	}
	return s
}

// stateKey is the hash of a recorder. The braces put it where the stream is, as
// keys of one script have to be.
func (t Target) stateKey(recorder string) string { return "{" + t.Stream + "}:recorder:" + recorder }

// bodyKey is the key of content by its SHA-256. The braces let a key for its parts
// be where it is.
func (t Target) bodyKey(hash string) string { return t.Stream + ":body:{" + hash + "}" }
