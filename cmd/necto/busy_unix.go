//go:build !windows

package main

import "syscall"

// errAddrInUse says that somebody else listens at an address.
const errAddrInUse = syscall.EADDRINUSE
