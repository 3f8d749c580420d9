package main

import "github.com/spf13/pflag"

// bindCADir adds --ca-dir, which every command that needs the certificate
// authority has.
func bindCADir(flags *pflag.FlagSet, dir *string) {
	flags.StringVar(dir, "ca-dir", "", "the `folder` of the certificate authority (default: necto in the user's configuration folder)")
}
