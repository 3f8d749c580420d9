package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/childenv"
	"github.com/necto-dev/necto/proxy"
)

// stopSignals end necto, or the command it runs. Windows has the first, for
// Ctrl-C and Ctrl-Break, and the second, for a console that is closed.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// server is one run of a proxy: until the command ends, or without a command
// until a signal.
type server struct {
	proxy     *proxy.Proxy
	authority *ca.Authority
	// listener is the proxy's main one, and addr where it is.
	listener proxy.Listener
	addr     net.Addr
	ready    readyInfo
	auth     proxy.Credentials // what the proxy asks the command for
	command  []string
	// environ is what the command's environment has beside the variables for
	// proxy and authority.
	environ []string
	// secrets is how secrets are replaced in a HAR of what the proxy is told.
	secrets redaction
	// pool is of the ports that the proxy serves beside, nil for none.
	pool *openPool
	// failed is closed when going on makes no sense; nil for never.
	failed <-chan struct{}
	// release is called when the proxy is to stop, so that nothing that is held at a
	// breakpoint takes up its grace; nil for nothing.
	release func()
}

// The ballast is memory that is taken and never touched, so that it costs only
// addresses. The collector runs when the heap has doubled: without ballast the
// few MiB in use would double, and be collected, dozens of times a second. Taking it
// makes the collector run, so that is done when nobody waits any more. A piece that
// gets memory that was in use before is cleared, and costs what it has: one piece of
// many.
const (
	ballastSize  = 32 << 20
	ballastPiece = 1 << 20
)

func newBallast() [][]byte {
	ballast := make([][]byte, ballastSize/ballastPiece)
	for i := range ballast {
		ballast[i] = make([]byte, ballastPiece)
	}
	return ballast
}

// run serves, and returns the exit code of the command, 0 without one. Every
// listener has to be open before.
func (s *server) run(ctx context.Context, status *status, f serveFlags) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, stopSignals...)
	defer signal.Stop(signals) // from then on a signal ends the process
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.release != nil {
		defer context.AfterFunc(ctx, s.release)()
	}
	defer context.AfterFunc(ctx, s.pool.release)()
	l := &serveLoop{signals: signals, failed: s.failed, stop: stop}
	l.serve(ctx, s.proxy.Run)
	err := announce(status.io, f, s.ready)
	ballast := newBallast()
	defer runtime.KeepAlive(ballast)
	if err == nil && len(s.command) > 0 {
		err = s.start(l, status)
	}
	if err != nil {
		stop()
		return 0, errors.Join(err, <-l.ran)
	}
	defer l.close()
	return l.wait()
}

// start starts the command.
func (s *server) start(l *serveLoop, status *status) error {
	env, err := childenv.Build(childenv.Options{
		Proxy: withUser(s.ready.Proxy, s.auth), CACert: s.authority.CertPath(), Environ: os.Environ(),
	})
	if err != nil {
		return err
	}
	for _, note := range env.Notes() {
		status.note("note: %s", note)
	}
	environ := append(env.Environ(withoutSecrets(os.Environ())),
		"NECTO_PROXY="+withUser(s.ready.Proxy, s.auth), "NECTO_CA="+s.authority.CertPath())
	l.env = env
	l.child, err = startChild(status.io, s.command, append(environ, s.environ...))
	if err != nil {
		l.close()
		return err
	}
	l.exited = l.child.ended
	return nil
}

// serveLoop waits for what can end a run.
type serveLoop struct {
	signals <-chan os.Signal
	failed  <-chan struct{}
	exited  <-chan struct{} // the command's end, nil without one or afterwards
	ran     chan error      // the end of what is served, nil afterwards
	stop    func()          // stops that
	child   *child
	env     *childenv.Env
}

// serve runs what is served, until ctx is done.
func (l *serveLoop) serve(ctx context.Context, run func(context.Context) error) {
	ran := make(chan error, 1)
	l.ran = ran
	go func() { ran <- run(ctx) }()
}

// wait returns when both the command and the proxy have ended, or at once at
// the second signal.
func (l *serveLoop) wait() (int, error) {
	var err error
	for asked := false; l.ran != nil || l.exited != nil; {
		select {
		case sig := <-l.signals:
			if l.exited != nil && terminalSends(sig) {
				continue // the command has it as well: it decides what that means
			}
			if asked {
				return 0, l.abort()
			}
			asked = true
			l.pass(sig)
		case <-l.exited:
			l.exited = nil
			l.stop()
		case <-l.failed:
			l.failed = nil
			l.end()
			l.stop()
		case err = <-l.ran:
			l.ran = nil
			l.end()
		}
	}
	if l.child == nil {
		return 0, err
	}
	return l.child.code(), err
}

// pass gives a signal to the command; without one it stops the proxy.
func (l *serveLoop) pass(sig os.Signal) {
	if l.exited != nil {
		l.child.signal(sig)
		return
	}
	l.stop()
}

// end makes the command end if it still runs.
func (l *serveLoop) end() {
	if l.exited != nil {
		l.child.terminate()
	}
}

// abort ends the command the hard way.
func (l *serveLoop) abort() error {
	if l.exited != nil {
		l.child.kill()
	}
	return &exitError{code: exitInterrupted}
}

// close removes what the command needed.
func (l *serveLoop) close() {
	if l.env != nil {
		_ = l.env.Close() // temporary files, of no use to anybody by now
	}
}

// listen opens a listener.
func listen(ctx context.Context, p *proxy.Proxy, l proxy.Listener) (net.Addr, error) {
	addr, err := p.Listen(ctx, l)
	if err != nil {
		return nil, withHint(fmt.Errorf("open the proxy: %w", err),
			"choose another address, or port 0 for a free one: --listen 127.0.0.1:0")
	}
	return addr, nil
}
