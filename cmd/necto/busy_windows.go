package main

import "golang.org/x/sys/windows"

// errAddrInUse says that somebody else listens at an address. What package syscall
// calls EADDRINUSE here is no error of the system's.
const errAddrInUse = windows.WSAEADDRINUSE
