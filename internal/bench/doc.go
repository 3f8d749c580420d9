// Command bench measures necto beside its peers: the same origin, the same
// load, one run, each server a process of its own. It prints every ratio that
// necto promises, with its target.
//
//	cd internal/bench && go run .            # every row, about 10 minutes
//	go run . -quick -only http,start         # a look, under 2 minutes
//
// It is a module of its own so that the peers are no dependency of necto, and
// it needs Linux: load and origin are epoll loops, and CPU times come from the
// clocks that Linux keeps for other processes. README.md in this folder says
// how the figures come about.
package main
