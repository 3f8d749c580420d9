// Package childenv computes the environment that sends a child process's
// traffic through the proxy and makes it trust the certificate authority.
//
//	env, err := childenv.Build(childenv.Options{
//		Proxy:   "http://127.0.0.1:8888",
//		CACert:  authority.CertPath(),
//		Environ: os.Environ(),
//	})
//	if err != nil {
//		return err
//	}
//	defer env.Close()
//	cmd.Env = env.Environ(os.Environ())
//
// There is no one variable that all clients read, so all known ones are set.
// Variables that add to a client's own roots name a file with the authority's
// certificate; those that replace the roots name a bundle of it and the roots
// the client would have had, or hosts that are not intercepted would break. A
// value that the user has preset is merged, not lost: it would otherwise defeat
// ours, or ours it.
//
// Clients that read no variable at all are reached where there is a way: Java
// through its options and a trust store, old releases of Node.js through a
// script, wget through a start-up file, PHP through an ini file.
package childenv
