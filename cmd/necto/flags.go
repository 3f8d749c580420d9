package main

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/traffic"
)

// defaultListen is where a proxy listens unless a command or --listen says
// otherwise.
const defaultListen = "127.0.0.1:8888"

// serveFlags are the flags of every command that runs a proxy.
type serveFlags struct {
	listen    string
	caDir     string
	readyFile string
	json      bool
}

func (f *serveFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.listen, "listen", defaultListen, "`address` of the proxy; port 0 takes a free one, as does a command")
	bindCADir(flags, &f.caDir)
	flags.StringVar(&f.readyFile, "ready-file", "", "write a JSON object with the addresses to `file` once every listener is up")
	flags.BoolVar(&f.json, "json", false, "print that object on standard output")
}

// check validates the flags. With a command the port is a free one unless the
// user chose it. The ready file, which is removed at the start, must be none of
// the recordings.
func (f *serveFlags) check(cmd *cobra.Command, command []string, recordings ...string) error {
	if len(command) > 0 && !cmd.Flags().Changed("listen") {
		f.listen = "127.0.0.1:0"
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return usagef("--listen: %w", err).hinted("write host:port, such as --listen 127.0.0.1:8080")
	}
	for _, recording := range recordings {
		if f.readyFile != "" && filepath.Clean(f.readyFile) == filepath.Clean(recording) {
			return usagef("--ready-file: %s is the recording", f.readyFile)
		}
	}
	return nil
}

// bindCADir adds --ca-dir, which every command that needs the certificate
// authority has.
func bindCADir(flags *pflag.FlagSet, dir *string) {
	flags.StringVar(dir, "ca-dir", "", "`folder` of the certificate authority (default: necto in the user's configuration folder)")
}

// splitCommand separates a command line at "--" into arguments of necto and a
// command to run, nil if there is none.
func splitCommand(cmd *cobra.Command, args []string) (own, command []string, err error) {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 {
		return args, nil, nil
	}
	if dash == len(args) {
		return nil, nil, usagef("no command after --").hinted("for example `%s -- npm test`", cmd.CommandPath())
	}
	return args[:dash], args[dash:], nil
}

// parseSize reads a number of bytes, such as 64MiB or 10 MB.
func parseSize(flag, s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n == 0 || n > 1<<62 {
		return 0, usagef("%s: %q is no size", flag, s).hinted("write a number of bytes with a unit, such as %s 64MiB", flag)
	}
	return int64(n), nil
}

// parseMap reads ADDR=URL: a listener and the origin behind it.
func parseMap(s string) (reverseMap, error) {
	addr, origin, ok := strings.Cut(s, "=")
	if !ok {
		return reverseMap{}, usagef("--map: %q has no =", s).hinted("for example --map 127.0.0.1:0=https://api.example.com")
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return reverseMap{}, usagef("--map: %w", err)
	}
	u, err := parseOrigin("--map", origin)
	return reverseMap{addr: addr, origin: u}, err
}

// parseOrigin reads the URL of an origin.
func parseOrigin(flag, s string) (*traffic.URL, error) {
	u, err := traffic.ParseURL(s)
	if err != nil {
		return nil, usagef("%s: %w", flag, err).hinted("an origin is a URL such as https://api.example.com")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("%s: unsupported scheme %q", flag, u.Scheme).hinted("use http or https")
	}
	if _, has := u.Query(); has {
		return nil, usagef("%s: an origin has no query", flag)
	}
	return &u, nil
}

// parseResolve reads HOST:PORT:ADDRESS into what is dialled (host:port, in
// lower case) and the address to dial in its place, which may bring a port of
// its own.
func parseResolve(s string) (from, to string, err error) {
	wrong := usagef("--resolve: %q is not HOST:PORT:ADDRESS", s).
		hinted("for example --resolve api.example.com:443:127.0.0.1")
	host, rest, ok := cutHost(s)
	if !ok {
		return "", "", wrong
	}
	port, to, ok := strings.Cut(rest, ":")
	from = strings.ToLower(net.JoinHostPort(host, port))
	if !ok || traffic.CheckAuthority(from) != nil || port == "" {
		return "", "", wrong
	}
	if addr, err := netip.ParseAddr(strings.Trim(to, "[]")); err == nil {
		return from, addr.String(), nil
	}
	addr, err := netip.ParseAddrPort(to)
	if err != nil {
		return "", "", wrong
	}
	return from, addr.String(), nil
}

// cutHost splits s behind its first part, which may be an IPv6 address in
// brackets.
func cutHost(s string) (host, rest string, ok bool) {
	if inside, found := strings.CutPrefix(s, "["); found {
		return strings.Cut(inside, "]:")
	}
	return strings.Cut(s, ":")
}
