package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/childenv"
)

// envOptions are the options of `necto env`.
type envOptions struct {
	format string
	proxy  string
	caDir  string
}

// envRun is what `necto env` does.
type envRun func(ctx context.Context, io stdio, o envOptions) error

// dockerDir is where a container sees the files that its variables name.
const dockerDir = "/etc/necto"

// dockerHost is how a container calls the machine it runs on.
const dockerHost = "host.docker.internal"

func newEnvCmd(io stdio, run envRun) *cobra.Command {
	var o envOptions
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the variables that make clients use the proxy",
		Long: `Print the environment variables that make clients use a running necto and trust
its certificate authority. The files they name are kept beside the authority.
What is preset in the environment is merged.

Formats:
  sh      for eval in a POSIX shell
  dotenv  for .env files
  github  for $GITHUB_ENV; without NODE_OPTIONS, which GitHub refuses there
  docker  arguments of docker run; a proxy on a loopback address is called ` + dockerHost + `,
          so on Linux necto has to listen where the container reaches it
  json    one object, name to value`,
		Example: `  eval "$(necto env)"
  necto env --format github >>"$GITHUB_ENV"
  eval "docker run --rm $(necto env --format docker) curlimages/curl https://example.com/"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "sh", "`format` of the output: "+strings.Join(envFormatNames(), ", "))
	cmd.Flags().StringVar(&o.proxy, "proxy", "http://127.0.0.1:8888", "`URL` of the running proxy")
	bindCADir(cmd.Flags(), &o.caDir)
	return cmd
}

func (o envOptions) validate() error {
	if !slices.Contains(envFormatNames(), o.format) {
		return usagef("unknown format %q: want one of %s", o.format, strings.Join(envFormatNames(), ", "))
	}
	return nil
}

func runEnv(_ context.Context, io stdio, o envOptions) error {
	authority, err := ca.Load(o.caDir)
	if err != nil {
		return err
	}
	// Stable folders: the variables outlive this process.
	kept := filepath.Join(filepath.Dir(authority.CertPath()), "env")
	build := childenv.Options{
		Proxy:   o.proxy,
		CACert:  authority.CertPath(),
		Environ: os.Environ(),
		Dir:     filepath.Join(kept, "host"),
	}
	if o.format == "docker" {
		// What is preset here is not in the container.
		build.Environ = nil
		build.Dir, build.SeenAs = filepath.Join(kept, "docker"), dockerDir
		build.Proxy = dockerProxy(o.proxy)
	}
	env, err := childenv.Build(build)
	if errors.Is(err, childenv.ErrProxy) {
		return usagef("--proxy: %w", err)
	}
	if err != nil {
		return err
	}
	for _, note := range env.Notes() {
		io.note("note: %s", note)
	}
	return envFormats[o.format](io.out, env.Vars(), build.Dir)
}

// dockerProxy returns the URL of a proxy on this machine as a container can
// reach it.
func dockerProxy(proxy string) string {
	u, err := url.Parse(proxy)
	if err != nil {
		return proxy // which Build refuses
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
		return proxy
	}
	u.Host = net.JoinHostPort(dockerHost, u.Port())
	return u.String()
}
