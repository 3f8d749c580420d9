// Package fingerprint names TLS clients by what their hello offers: JA3, and JA4
// for TLS over TCP. Both are computed from what crypto/tls says of a hello, and so
// also for handshakes that fail:
//
//	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
//		log(fingerprint.JA3(hello), fingerprint.JA4(hello))
//		return nil, nil
//	}
//
// JA4 of a client stays the same from connection to connection. JA3 does not where
// the client shuffles its extensions, as Chromium does.
//
// crypto/tls does not tell the hello's legacy version. It is that of TLS 1.2 in every
// hello with the extension supported_versions (RFC 8446 section 4.2.1); in others it
// is the highest version that crypto/tls says is supported, and SSL 3.0 where that is
// none.
package fingerprint
