// Package wsframe is the wire half of WebSocket (RFC 6455 and RFC 7692): it
// finds the frames in bytes that somebody else relays, understands them without
// ever standing in their way, and writes frames for those who answer or edit.
//
// A relay sends bytes on first and then looks at them, one Parser and one
// Decoder a direction:
//
//	var parser wsframe.Parser
//	decoder := wsframe.NewDecoder(traffic.ClientToServer, ext, handler)
//	defer decoder.Release()
//	for {
//		n, err := client.Read(buf)
//		server.Write(buf[:n])
//		parser.Feed(buf[:n], time.Now(), decoder) // ErrDesync: opaque from here
//		...
//	}
//
// The handler is told each frame as it comes: its header, its content, unmasked
// and inflated, and at its end what was wrong with it. Who holds or edits frames
// puts a [Sink] of their own between the two to see payloads as they are on the
// wire, and writes with [AppendFrame] and [AppendDeflate]; AppendFrame with the
// header and payload of a parsed frame gives the bytes that were parsed.
//
// Nothing here starts a lasting goroutine, fails on what a peer sends other
// than for [ErrDesync], or needs memory that grows with a frame or message. A
// frame costs no allocation.
package wsframe
