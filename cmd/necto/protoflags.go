package main

import (
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/internal/protoset"
)

// protoFlags are the flags of commands that look into messages of gRPC.
type protoFlags struct{ paths []string }

func (f *protoFlags) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.paths, "proto", nil, "know messages of gRPC by `path`: a .proto file, a folder of them or a descriptor set; repeatable")
}

// load returns what the files describe, nil without any.
func (f *protoFlags) load() (*protoset.Set, error) {
	set, err := protoset.Load(f.paths...)
	if err != nil {
		return nil, usagef("--proto: %w", err).hinted("a descriptor set is what `protoc --include_imports -o FILE` and `buf build -o FILE` write")
	}
	return set, nil
}
