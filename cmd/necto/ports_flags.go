package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/internal/ports"
)

// portsFlags are the flags of a proxy with a pool of ports.
type portsFlags struct {
	file    string // "" for no pool
	state   string
	channel string // address, "" for none
	token   string
	config  ports.Config
}

// bind adds the flags. That of the file is for commands that do not have it as an
// argument.
func (f *portsFlags) bind(flags *pflag.FlagSet, withFile bool) {
	if withFile {
		flags.StringVar(&f.file, "ports", "", "open the ports that `file` describes; see necto ports")
	}
	flags.StringVar(&f.state, "state", "", "keep in `file` what the ports lead to, and begin with that the next time")
	flags.StringVar(&f.channel, "channel", "", "tell clients of 9Proxy's SDK what becomes of the ports, at ws://`address`/ws/TOKEN; port 0 takes a free one")
	flags.StringVar(&f.token, "channel-token", "", "the `token` of that address (default $"+channelTokenVar+", which other users do not see, or a random one, which --ready-file and --json tell)")
}

// load validates the flags and reads the file.
func (f *portsFlags) load(io stdio, readyFile string) error {
	if f.file == "" {
		for _, flag := range [][2]string{{"state", f.state}, {"channel", f.channel}, {"channel-token", f.token}} {
			if flag[1] != "" {
				return usagef("--%s needs --ports", flag[0])
			}
		}
		return nil
	}
	if err := f.checkChannel(); err != nil {
		return err
	}
	for _, other := range []string{f.file, readyFile} {
		if f.state != "" && filepath.Clean(f.state) == filepath.Clean(other) {
			return usagef("--state: %s is something else already", f.state)
		}
	}
	var err error
	f.config, err = ports.Load(f.file)
	wrong, is := errors.AsType[*ports.ConfigError](err)
	switch {
	case is:
		for _, problem := range wrong.Problems {
			fmt.Fprintln(io.err, oneLine(problem))
		}
		return usagef("%s in %s", english.Plural(len(wrong.Problems), "problem", ""), f.file).hinted("docs/ports.md has all that a ports file can have")
	case errors.Is(err, fs.ErrNotExist):
		return usagef("%w", err)
	}
	return err
}

// checkChannel validates the flags of the channel, which is for this machine alone:
// its token travels in the clear.
func (f *portsFlags) checkChannel() error {
	if f.channel == "" {
		if f.token != "" {
			return usagef("--channel-token needs --channel")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(f.channel); err != nil {
		return usagef("--channel: %w", err).hinted("write host:port, such as --channel 127.0.0.1:8881")
	}
	if !isLoopback(f.channel) {
		return usagef("--channel: %s is not for this machine alone", f.channel).hinted("for example --channel 127.0.0.1:8881")
	}
	f.token, _ = flagOrVar("--channel-token", f.token, channelTokenVar)
	return nil
}

// addrs returns an address for each host that ports listen on.
func (f *portsFlags) addrs() []string {
	if f.file == "" {
		return nil
	}
	return []string{f.config.Range.Addr(f.config.Range.Start)}
}
