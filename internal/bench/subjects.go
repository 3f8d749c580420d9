//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
)

// A starter starts one subject in front of origin.
type starter func(ctx context.Context, l *lab, origin *process) (*contender, error)

// A loader says what to ask of the server p in front of origin.
type loader func(l *lab, origin, p *process) (load, error)

// contend joins a process and its load; a process without load is ended.
func contend(l *lab, origin, p *process, what loader) (*contender, error) {
	load, err := what(l, origin, p)
	if err != nil {
		p.kill()
		return nil, err
	}
	return &contender{process: p, load: load}, nil
}

// startHelper starts this program as the helper of that name.
func startHelper(name string, what loader) starter {
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		p, err := l.helper(ctx, name, origin)
		if err != nil {
			return nil, err
		}
		return contend(l, origin, p, what)
	}
}

// startRecord starts necto record; when it is stopped its recording must be
// whole. extra gives more arguments; nil means none.
func startRecord(what loader, extra func(l *lab, origin *process) []string) starter {
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		recording := l.file("run.jsonl")
		args := []string{"record", "-o", recording}
		if extra != nil {
			args = append(args, extra(l, origin)...)
		}
		p, err := l.startNecto(ctx, args...)
		if err != nil {
			return nil, err
		}
		c, err := contend(l, origin, p, what)
		if err != nil {
			return nil, err
		}
		c.stop = func(relayed counts) error {
			if err := p.interrupt(); err != nil {
				return err
			}
			defer l.discard(recording)
			return checkRecording(recording, relayed)
		}
		return c, nil
	}
}

func reverseOf(_ *lab, origin *process) []string {
	return []string{"--reverse", "http://" + origin.addr()}
}

func trustingOrigin(l *lab, _ *process) []string {
	return []string{"--upstream-ca", l.certs.ca}
}

// startReplay records a few exchanges and starts necto replay on them.
func startReplay(what loader) starter {
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		recording, err := recordItems(ctx, l, origin)
		if err != nil {
			return nil, fmt.Errorf("record what to replay: %w", err)
		}
		p, err := l.startNecto(ctx, "replay", recording)
		if err != nil {
			return nil, err
		}
		c, err := contend(l, origin, p, what)
		if err != nil {
			return nil, err
		}
		c.stop = func(counts) error { return p.interrupt() }
		return c, nil
	}
}

// recordItems makes a recording of one request on each connection and returns
// its name.
func recordItems(ctx context.Context, l *lab, origin *process) (string, error) {
	recording := l.file("items.jsonl")
	p, err := l.startNecto(ctx, "record", "-o", recording)
	if err != nil {
		return "", err
	}
	defer p.kill()
	items, err := loadAbsolute(l, origin, p)
	if err != nil {
		return "", err
	}
	s, err := items.open(ctx, p.addr())
	if err != nil {
		return "", err
	}
	defer s.close()
	t, err := s.run(ctx, 0)
	if err != nil {
		return "", err
	}
	if err := p.interrupt(); err != nil {
		return "", err
	}
	return recording, checkRecording(recording, t.counts)
}

// loadItems asks with a path, as a client of an origin does.
func loadItems(_ *lab, origin, _ *process) (load, error) {
	return plainLoad{itemRequest(itemPath, origin.addr()), itemBody()}, nil
}

// loadAbsolute asks with a URL, as a client of a proxy does.
func loadAbsolute(_ *lab, origin, _ *process) (load, error) {
	return plainLoad{itemRequest("http://"+origin.addr()+itemPath, origin.addr()), itemBody()}, nil
}

// loadEcho opens WebSocket connections as a client of an origin does.
func loadEcho(_ *lab, origin, _ *process) (load, error) {
	return echoLoad{chatRequest(chatPath, origin.addr())}, nil
}

// loadEchoAbsolute opens WebSocket connections as a client of a proxy does.
func loadEchoAbsolute(_ *lab, origin, _ *process) (load, error) {
	return echoLoad{chatRequest("http://"+origin.addr()+chatPath, origin.addr())}, nil
}

// loadTLS asks with a path inside TLS.
func loadTLS(l *lab, origin, p *process) (load, error) {
	config, err := l.tlsConfig(p)
	return tlsLoad{request: itemRequest(itemPath, origin.addr()), body: itemBody(), config: config}, err
}

// loadConnect asks inside TLS inside a CONNECT tunnel, as a client of an
// intercepting proxy does.
func loadConnect(l *lab, origin, p *process) (load, error) {
	config, err := l.tlsConfig(p)
	return tlsLoad{itemRequest(itemPath, origin.addr()), itemBody(), config, origin.addr()}, err
}

// loadStreams asks on streams of one HTTP/2 connection, inside TLS.
func loadStreams(l *lab, origin, p *process) (load, error) {
	return h2Load(l, origin, p, "")
}

// loadConnectStreams is loadStreams inside a CONNECT tunnel.
func loadConnectStreams(l *lab, origin, p *process) (load, error) {
	return h2Load(l, origin, p, origin.addr())
}

func h2Load(l *lab, origin, p *process, tunnel string) (load, error) {
	config, err := l.tlsConfig(p)
	config.NextProtos = []string{"h2"}
	return streamLoad{
		dialer:  tlsLoad{config: config, connect: tunnel},
		request: h2Request(itemPath, origin.addr()), body: itemBody(),
	}, err
}

// loadConnectBulk fetches the large answer inside TLS inside a CONNECT tunnel,
// in HTTP/1.1.
func loadConnectBulk(l *lab, origin, p *process) (load, error) {
	config, err := l.tlsConfig(p)
	dialer := tlsLoad{config: config, connect: origin.addr()}
	return bulkLoad{
		request: itemRequest(bulkPath, origin.addr()), answer: newBulkAnswer(bulkTLSBlocks, false),
		dial: func(ctx context.Context, addr string) (net.Conn, error) { return dialer.dial(ctx, addr) },
	}, err
}

// loadStreamBulk is loadConnectBulk in HTTP/2.
func loadStreamBulk(l *lab, origin, p *process) (load, error) {
	what, err := h2Load(l, origin, p, origin.addr())
	return streamBulkLoad{what.(streamLoad), h2Request(bulkPath, origin.addr())}, err
}

// loadBulk fetches the large answer through a proxy. A relay passes the URL on
// and the origin takes it, so that both carry the same bytes.
func loadBulk(path string) loader {
	return func(_ *lab, origin, _ *process) (load, error) {
		request := itemRequest("http://"+origin.addr()+path, origin.addr())
		return bulkLoad{request: request, answer: newBulkAnswer(bulkBlocks, path == bulkChunkedPath)}, nil
	}
}
