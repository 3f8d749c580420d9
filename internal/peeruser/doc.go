// Package peeruser tells connections of this user from those of other users of the
// same machine:
//
//	if peeruser.IsOther(conn) {
//		// loopback is no proof that the client may read what its owner may
//	}
//
// It asks the kernel whose the socket at the other end is. That works on Linux, where
// it takes a few system calls; elsewhere nobody is told to be another user.
package peeruser
