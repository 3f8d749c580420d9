// Package ca is the certificate authority of one machine: it signs the
// certificates that intercepted clients are shown.
//
//	authority, err := ca.Load("") // created on first use
//	if err != nil {
//		return err
//	}
//	config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
//		return authority.LeafFor(h, connectHost)
//	}}
//
// The authority is two files in one folder, ca.pem and ca.key. Whoever reads
// the key can impersonate any host to clients that trust the certificate, so a
// key that others can read is refused. Nothing else is kept on disk: leaves are
// minted on demand and live in memory.
//
// InstallPlan and UninstallPlan say, as data, which commands put the
// certificate into the system's trust store and take it out again.
package ca
