// Package loopback tells what is of this machine by what clients say in HTTP:
//
//	ok := loopback.IsHost(r.Host) && loopback.IsPage(r.Header.Get("Origin"), nil)
//
// A name that resolves to this machine is none of its names: any site can have one.
package loopback
