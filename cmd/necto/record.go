package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// defaultRecording is the file written without -o.
const defaultRecording = "run.jsonl"

type recordOptions struct {
	serve   serveFlags
	events  eventsFlags
	output  string       // "" to record nothing
	redis   *redisOutput // nil for a file
	writer  record.Options
	reverse *traffic.URL
	maps    []reverseMap
	network networkOptions
	proxy   proxy.Options // Passthrough, Grace and MaxBody
	rules   rulesFlags
	ports   portsFlags
	protos  *protoset.Set // nil for none
	command []string
	// interactive asks on the terminal about what breakpoints hold, by means of
	// terminal, which is nil otherwise.
	interactive bool
	terminal    *breakTerminal
}

// reverseMap is a listener in front of one origin.
type reverseMap struct {
	addr   string
	origin *traffic.URL
}

// recordFlags are the flags of record that need a second look.
type recordFlags struct {
	grace     time.Duration
	maxBody   string
	reverse   string
	maps      []string
	resolve   []string
	insecure  []string
	redaction string
	filter    string
	profile   string
	admit     admitFlags
	redis     redisFlags
	proto     protoFlags
}

func newRecordCmd(io stdio, run func(context.Context, stdio, recordOptions) error) *cobra.Command {
	var o recordOptions
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record [flags] [-- command [args]]",
		Short: "Record what passes through the proxy",
		Long: `Record starts an intercepting proxy and writes every exchange to a recording as it
ends. With a command the proxy takes a free port, the command gets the variables
that send its traffic there and make it trust necto's certificates, and record
ends with the command's exit code. Without one it runs until Ctrl-C.

A command also finds the proxy's URL in NECTO_PROXY, the certificate's path in
NECTO_CA, and the listeners of --map in NECTO_MAP_1, NECTO_MAP_2 and so on. Ctrl-C
on a terminal is the command's to handle; other signals are passed on to it. A
second signal ends both at once, with exit code 130.

Authorization, cookies, tokens and passwords are replaced by tags in the
recording; see --redact.

With -o redis://host:port/stream the recording goes to a stream in a Redis, which
many recorders may share. Lines wait on the disk, in the folder of --spool, until
Redis has them: it may be away, but not when necto starts.`,
		Example: `  necto record -o run.jsonl -- npm test
  necto record --listen 127.0.0.1:8080
  necto record --reverse https://api.example.com
  necto record -o redis://127.0.0.1:6379/ci -- npm test   # one of many recorders
  necto record --rules rules.yaml -- npm test
  necto record --map 127.0.0.1:9000=http://localhost:3000 -- ./client`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args, f); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	bindOutput(flags, &o, &f, defaultRecording)
	o.serve.bind(flags)
	o.events.bind(flags, "")
	o.rules.bind(flags)
	flags.BoolVar(&o.interactive, "break-interactive", false, "ask on the terminal what becomes of what breakpoints hold")
	bindProxy(flags, &o, &f)
	return cmd
}

// bindOutput adds the flags of what is written.
func bindOutput(flags *pflag.FlagSet, o *recordOptions, f *recordFlags, output string) {
	flags.StringVarP(&o.output, "output", "o", output, "`file` to write; - is standard output; redis://host:port/stream adds to a stream (with the password in $"+redisPasswordVar+")")
	flags.BoolVar(&o.writer.Append, "append", false, "go on with an existing recording")
	flags.BoolVar(&o.writer.Force, "force", false, "replace an existing recording")
	flags.StringVar(&f.redaction, "redact", "auto", "`auto` replaces secrets by tags, off keeps them")
	flags.StringVar(&f.filter, "filter", "", "write only what matches an `expression`, such as 'host:api and not path:/health'")
	flags.StringVar(&f.profile, "har-profile", "", "`http-only`: leave WebSocket connections out of a HAR")
	f.proto.bind(flags)
	f.redis.bind(flags)
}

// bindProxy adds the flags of how the proxy reaches origins.
func bindProxy(flags *pflag.FlagSet, o *recordOptions, f *recordFlags) {
	flags.StringVar(&f.reverse, "reverse", "", "send requests that are not for a proxy to the origin at `URL`")
	flags.StringArrayVar(&f.maps, "map", nil, "listen on an address for one origin, `ADDR=URL`; repeatable")
	flags.StringArrayVar(&o.proxy.Passthrough, "passthrough", nil, "do not open TLS to `host`, such as '*.bank.example'; repeatable")
	flags.BoolVar(&o.proxy.HTTP1Only, "http1", false, "speak HTTP/1.1 only, with clients and origins")
	flags.StringArrayVar(&f.insecure, "insecure", nil, "accept any certificate, from all origins or those of `host`; repeatable")
	flags.Lookup("insecure").NoOptDefVal = anyHost
	flags.StringVar(&o.network.upstreamCA, "upstream-ca", "", "trust the certificates in `file` (PEM), too")
	flags.StringArrayVar(&o.network.clientCerts, "client-cert", nil, "show an origin a certificate if it asks, `HOST=CERT,KEY` (files in PEM); repeatable")
	flags.StringArrayVar(&f.resolve, "resolve", nil, "connect to an address for a host, `HOST:PORT:ADDRESS`; repeatable")
	o.network.bind(flags)
	f.admit.bind(flags)
	flags.DurationVar(&f.grace, "grace", 5*time.Second, "how long exchanges may go on after the stop")
	flags.StringVar(&f.maxBody, "max-body", "64MiB", "keep at most this `size` of each body")
}

// complete validates the flags and arguments and fills in the options.
func (o *recordOptions) complete(cmd *cobra.Command, args []string, f recordFlags) error {
	own, command, err := splitCommand(cmd, args)
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return usagef("unexpected argument %q", own[0]).hinted("put the command behind --, and a flag's value behind =")
	}
	o.command = command
	if err := o.checkInteractive(cmd); err != nil {
		return err
	}
	if o.output == "" {
		return usagef("-o: empty file name")
	}
	return o.completeServer(cmd, f)
}

// completeServer validates the flags that record has with serve.
func (o *recordOptions) completeServer(cmd *cobra.Command, f recordFlags) error {
	if err := o.serve.check(cmd, o.command, o.output); err != nil {
		return err
	}
	if err := o.events.check(cmd.Flags()); err != nil {
		return err
	}
	var err error
	if o.redis, err = f.redis.complete(cmd.Flags(), o.output); err != nil {
		return err
	}
	if err := o.completeWriter(f); err != nil {
		return err
	}
	if err := o.network.complete(f.insecure, f.resolve); err != nil {
		return err
	}
	return o.completeProxy(f)
}

func (o *recordOptions) completeWriter(f recordFlags) error {
	switch {
	case f.redaction != "auto" && f.redaction != "off":
		return usagef("--redact: %q is neither auto nor off", f.redaction)
	case o.writer.Append && o.writer.Force:
		return usagef("--append and --force exclude each other")
	case o.output == "-" && o.serve.json:
		return usagef("-o - and --json both want standard output").hinted("use --ready-file")
	case o.output == "-" && len(o.command) > 0:
		return usagef("-o - and the command both want standard output").hinted("give a file: -o %s", defaultRecording)
	}
	o.writer.Redaction = f.redaction
	o.writer.ToolVersion = buildVersion()
	if o.writer.HARProfile = har.Profile(f.profile); f.profile != "" {
		if o.writer.HARProfile != har.ProfileHTTPOnly {
			return usagef("--har-profile: %q is not %s", f.profile, har.ProfileHTTPOnly)
		}
		if !strings.HasSuffix(o.output, ".har") {
			return usagef("--har-profile is for a HAR").hinted("write one: -o run.har")
		}
	}
	var err error
	if o.protos, err = f.proto.load(); err != nil || f.filter == "" {
		return err
	}
	o.writer.Protos = o.protos
	o.writer.Filter, err = parseFilter("--filter", f.filter)
	return err
}

func (o *recordOptions) completeProxy(f recordFlags) error {
	switch {
	case f.grace < 0:
		return usagef("--grace: %v is negative", f.grace)
	case f.grace == 0:
		f.grace = -1 // none
	}
	o.proxy.Grace = f.grace
	var err error
	if o.proxy.MaxBody, err = parseSize("--max-body", f.maxBody); err != nil {
		return err
	}
	o.writer.Mode = "forward"
	if f.reverse != "" {
		o.writer.Mode = "reverse"
		if o.reverse, err = parseOrigin("--reverse", f.reverse); err != nil {
			return err
		}
	}
	for _, s := range f.maps {
		m, err := parseMap(s)
		if err != nil {
			return err
		}
		o.maps = append(o.maps, m)
	}
	return f.admit.complete(&o.proxy, o.addrs()...)
}

// runRecord records until the command ends, or until a signal.
func runRecord(ctx context.Context, io stdio, o recordOptions) error {
	if err := errors.Join(findCommand(o.command), removeStale(o.serve.readyFile)); err != nil {
		return err
	}
	network, err := o.network.build()
	if err != nil {
		return err
	}
	authority, err := ca.Load(o.serve.caDir)
	if err != nil {
		return err
	}
	status := newStatus(io)
	keyLog, closeKeyLog, err := openKeyLog(status)
	if err != nil {
		return err
	}
	defer closeKeyLog()
	o.proxy.MinTLS, o.proxy.KeyLog, network.KeyLog = network.MinTLS, keyLog, keyLog
	obeyed, err := o.rules.obey(io, status, o.protos)
	if err != nil {
		return err
	}
	defer obeyed.close()
	obeyed.complete(&o.proxy)
	o.writer.Redact = obeyed.redact()
	events, err := o.events.listen(ctx)
	if err != nil {
		return err
	}
	// The recording notes the address, so it begins once the listeners are
	// open; nothing is observed before Run.
	observers := traffic.Tee{traffic.Tee{}, traffic.Tee{}, &handshakeNotes{status: status}}
	if o.interactive {
		o.terminal = newBreakTerminal(io, obeyed.engine.Hits())
		observers = append(observers, o.terminal)
	}
	o.proxy.Observer, o.proxy.Network, o.proxy.CA = observers, network, authority
	o.proxy.Log, o.writer.Log = status.log(), status.log()
	r := &recordRun{status: status}
	demand(&o.proxy, &r.publisher)
	s := &server{proxy: proxy.New(o.proxy), authority: authority, command: o.command, release: obeyed.release, auth: o.proxy.Auth}
	if err := o.listen(ctx, s); err != nil {
		return err
	}
	answers := replay.Options{Ignore: obeyed.ignore(), Protos: o.protos}
	if s.pool, err = o.ports.open(ctx, status, s.proxy, o.proxy, observers[1:], answers); err != nil {
		return err
	}
	s.secrets = redaction{o.writer.Redaction, obeyed.redact}
	o.writer.Listen, o.writer.Session = strings.TrimPrefix(s.ready.Proxy, "http://"), ulid.Make().String()
	r.server = s
	if err := r.create(ctx, o); err != nil {
		return err
	}
	obeyed.redactIn(r.writer)
	r.publisher = o.events.publishProxy(events, status, s, obeyed, o.writer.Session, o.past())
	err = r.publisher.join(ctx, status, o.events.cluster)
	if err == nil {
		r.tee(observers)
		err = s.pool.start(ctx, &s.ready)
	}
	if err != nil {
		r.publisher.close()
		return errors.Join(err, r.close(ctx), s.pool.close())
	}
	return errors.Join(r.run(ctx, o), s.pool.close())
}

// listen opens all listeners.
func (o *recordOptions) listen(ctx context.Context, s *server) error {
	s.listener = proxy.Listener{Addr: o.serve.listen, Reverse: o.reverse, Transparent: o.network.transparent}
	addr, err := listen(ctx, s.proxy, s.listener)
	if err != nil {
		return err
	}
	s.addr = addr
	s.ready = readyInfo{PID: os.Getpid(), Proxy: urlOf(addr), CA: s.authority.CertPath()}
	for i, m := range o.maps {
		addr, err := listen(ctx, s.proxy, proxy.Listener{Addr: m.addr, Reverse: m.origin})
		if err != nil {
			return err
		}
		s.ready.Maps = append(s.ready.Maps, readyMap{URL: urlOf(addr), Origin: m.origin.String()})
		s.environ = append(s.environ, fmt.Sprintf("NECTO_MAP_%d=%s", i+1, urlOf(addr)))
	}
	return nil
}
