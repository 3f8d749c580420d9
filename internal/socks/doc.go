// Package socks is the server's side of the SOCKS handshake: version 5 (RFC 1928)
// without or with user and password (RFC 1929), 4 and 4a; of the commands only
// CONNECT. What follows the handshake is the caller's, who also dials.
//
//	req, err := socks.Accept(conn, socks.Users{})
//	if err != nil {
//		return err // the client has been told
//	}
//	// dial net.JoinHostPort(req.Host, req.Port)
//	err = req.Reply(conn, socks.Succeeded)
//
// Nothing is read beyond the handshake, and a handshake is bounded: the longest has
// less than 2 KiB. Deadlines are the caller's business.
package socks
