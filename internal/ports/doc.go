// Package ports keeps a pool of local ports, each of which leads somewhere: to an
// origin, through an upstream proxy, to a recording or to any other server. It says
// what becomes of them in the events of 9Proxy's channel, and is controlled by a
// REST API that has 9Proxy's calls as well.
//
//	config, err := ports.Load("ports.yaml")
//	pool := ports.New(ports.Options{Config: config, Opener: opener, Events: channel.Publish})
//	pool.Start(ctx)
//	defer pool.Close()
//
// A port is free, or in use by a Binding; in use it is online or offline. It is
// online while its listener is open and the last attempt to reach what is behind it,
// by a client or by a probe, was good. It goes offline with a bad probe, or with as
// many bad attempts of clients in a row as Probe.Failures says.
//
// Events come one at a time and, for one port, in the order in which things happened.
// portStateUpdate is told where that has lasted 100 ms, so that what only flickers is
// not told.
//
// The pool opens no listeners and knows no proxy: see Opener.
package ports
