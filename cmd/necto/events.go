package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/lookback"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/rules"
)

// defaultEvents is where `necto serve` publishes events unless --events says
// otherwise.
const defaultEvents = "127.0.0.1:8889"

// eventsFlags are the flags of commands that publish events.
type eventsFlags struct {
	addr         string // "" for none
	requireToken bool
	origins      []string
	lag          string
	cluster      clusterFlags
}

// The values of --lag.
const (
	lagSkip       = "skip"
	lagDisconnect = "disconnect"
)

// bind adds the flags; addr is the default address, "" for no event server.
func (f *eventsFlags) bind(flags *pflag.FlagSet, addr string) {
	flags.StringVar(&f.addr, "events", addr, "publish events over Socket.IO, and serve the REST API, at `address`; port 0 takes a free one")
	flags.BoolVar(&f.requireToken, "require-token", false, "ask everyone who connects there for the token, also on this machine")
	flags.StringArrayVar(&f.origins, "cors", nil, "let web pages of `origin`, such as https://app.example.com, connect there with the token; '*' for all; repeatable")
	flags.StringVar(&f.lag, "lag", lagSkip, "`what` becomes of a subscriber that is too slow: skip what it missed, or disconnect it")
}

// check validates the flags.
func (f *eventsFlags) check(flags *pflag.FlagSet) error {
	if f.addr == "" {
		for _, name := range []string{"require-token", "cors", "lag"} {
			if flags.Changed(name) {
				return usagef("--%s needs --events", name).hinted("for example --events %s", defaultEvents)
			}
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(f.addr); err != nil {
		return usagef("--events: %w", err).hinted("write host:port, such as --events %s", defaultEvents)
	}
	if f.lag != lagSkip && f.lag != lagDisconnect {
		return usagef("--lag: %q is neither %s nor %s", f.lag, lagSkip, lagDisconnect)
	}
	for _, origin := range f.origins {
		if !isOrigin(origin) {
			return usagef("--cors: %q is no origin of web pages", origin).hinted("write scheme and host, such as --cors https://app.example.com, or '*'")
		}
	}
	return nil
}

// isOrigin reports whether s is "*" or what browsers send as Origin.
func isOrigin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.String() == u.Scheme+"://"+u.Host && strings.ToLower(s) == s
}

// listen opens the listener of the event server, nil without one.
func (f *eventsFlags) listen(ctx context.Context) (net.Listener, error) {
	if f.addr == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", f.addr)
	if errors.Is(err, errAddrInUse) {
		return nil, withHint(fmt.Errorf("open the event server: %w", err),
			"is there another necto? Choose another address, or port 0 for a free one: --events 127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("open the event server: %w", err)
	}
	return l, nil
}

// publisher is an event server that is being served. Methods of a nil one do
// nothing.
type publisher struct {
	*eventserver.Server
	listener net.Listener
	http     *http.Server
	ended    chan struct{} // closed when http serves no more
	// card tells other programs of the user where the server is.
	card *card
	// node is this necto in a cluster, nil without one.
	node *clusterNode
	// past is the recording that is looked back on, nil for none.
	past *lookback.File
}

// publish returns an event server with options o on l, which looks back on past, nil
// for nothing. The flags say who has access. It is to be started.
func (f *eventsFlags) publish(l net.Listener, status *status, o eventserver.Options, past *lookback.File) *publisher {
	if past != nil {
		o.Recording = past
	}
	token := eventserver.NewToken()
	o.Access.Token, o.Access.RequireToken, o.Access.Origins = token, f.requireToken, f.origins
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		o.Access.RequireToken = true
		status.note("other machines can reach the event server at %s, and need the token", tcp)
	}
	o.DropLagging, o.Log = f.lag == lagDisconnect, status.log()
	p := &publisher{Server: eventserver.New(o), listener: l, ended: make(chan struct{}), past: past}
	p.http = &http.Server{Handler: p.Handler(), ReadHeaderTimeout: headerPatience, ConnContext: p.ConnContext}
	var err error
	if p.card, err = leaveCard(card{PID: os.Getpid(), URL: urlOf(l.Addr()), Token: token}); err != nil {
		status.note("other commands will not find the event server by themselves: %v", err)
	}
	return p
}

// start begins to serve clients.
func (p *publisher) start(status *status) { go p.serve(status) }

// publishProxy publishes on l, which may be nil for none, what a proxy is told, as
// a session of that id, which past is a recording of.
func (f *eventsFlags) publishProxy(
	l net.Listener, status *status, s *server, obeyed *obeyedRules, session string, past *lookback.File,
) *publisher {
	if l == nil {
		return nil
	}
	s.proxy.Avoid(l.Addr())
	control := newProxyControl(s.proxy, s.listener, s.addr)
	o := eventserver.Options{
		SessionID: session, Proxy: control, Frames: s.proxy, HAR: harWriter(s.secrets), Handlers: s.pool.handlers(),
		Access: eventserver.Access{Relays: s.proxy.Relays},
	}
	if obeyed != nil {
		o.Breakpoints, o.Rules = obeyed.engine.Hits(), obeyed.store
	}
	node := f.cluster.share(&o)
	p := f.publish(l, status, o, past)
	p.node = node
	control.events = p
	if obeyed != nil {
		obeyed.publisher.Store(p)
	}
	p.announce(&s.ready)
	p.ProxyStarted(tcpPort(s.addr), p.port())
	p.start(status)
	return p
}

// demand lets the proxy tell in pieces what passes while clients want that. What p
// points at is set before the proxy runs, or stays nil without an event server.
func demand(o *proxy.Options, p **publisher) {
	o.BodyChunks = func() bool { return *p != nil && (*p).WantsBodyChunks() }
	o.TunnelData = func() bool { return *p != nil && (*p).WantsTunnelData() }
}

// rulesChanged tells clients what has changed about rules.
func (p *publisher) rulesChanged(changes []rules.Change) {
	if p != nil {
		p.RulesChanged(changes)
	}
}

// progress says what was published.
func (p *publisher) progress() string {
	var exchanges, bytes int64
	for _, s := range p.Sessions() {
		exchanges += s.Exchanges
		bytes += s.Bytes
	}
	return plural(exchanges, "exchange") + ", " + humanize.IBytes(uint64(max(bytes, 0)))
}

// headerPatience is how long a client may take to send a request's head.
const headerPatience = 10 * time.Second

func (p *publisher) serve(status *status) {
	defer close(p.ended)
	if err := p.http.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		status.note("the event server has ended: %v", err)
	}
}

// announce adds what scripts want to know.
func (p *publisher) announce(info *readyInfo) {
	if p != nil {
		info.Events, info.Token = p.card.URL, p.card.Token
	}
}

// port returns the port of the listener.
func (p *publisher) port() int {
	if tcp, ok := p.listener.Addr().(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// farewell is how long clients may take for what was published last.
const farewell = 2 * time.Second

// close tells the clients what there is left to tell, and ends the server.
func (p *publisher) close() {
	if p == nil {
		return
	}
	p.card.remove()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	p.leave(ctx)
	p.Close(ctx)
	if p.http.Shutdown(ctx) != nil {
		_ = p.http.Close() // who still has a request does not take the answer
	}
	<-p.ended
	if p.past != nil {
		_ = p.past.Close() // it was only read
	}
}
