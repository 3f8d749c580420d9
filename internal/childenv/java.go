package childenv

import (
	"crypto/x509"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// addJava sets the options of Java, which reads no proxy and no certificate
// from the environment. An empty nonProxyHosts takes the place of a default
// that exempts loopback hosts.
func (b *builder) addJava() error {
	const name = "JAVA_TOOL_OPTIONS"
	store, err := b.writeTrustStore()
	if err != nil {
		return err
	}
	host, port := b.proxy.Hostname(), b.proxy.Port()
	if preset := b.get(name); strings.Contains(preset, "-Djavax.net.ssl.trustStore=") && !strings.Contains(preset, store) {
		b.note("%s: the trust store set there is replaced by one with the system's roots", name)
	}
	b.extend(name, strings.Join([]string{
		"-Dhttp.proxyHost=" + host, "-Dhttp.proxyPort=" + port,
		"-Dhttps.proxyHost=" + host, "-Dhttps.proxyPort=" + port,
		"-Dhttp.nonProxyHosts=",
		javaOption("-Djavax.net.ssl.trustStore=" + store),
		"-Djavax.net.ssl.trustStorePassword=" + pkcs12.DefaultPassword,
		"-Djavax.net.ssl.trustStoreType=PKCS12",
	}, " "))
	return nil
}

// javaOption quotes an option as the Java virtual machine reads it: white space
// separates options outside quotes, and nothing escapes.
func javaOption(option string) string {
	if strings.ContainsAny(option, " \t") {
		return `"` + option + `"`
	}
	return option
}

// writeTrustStore writes the bundle as PKCS #12. The encryption is the old one,
// which every Java reads (before 8u301 and 11.0.12 only that); nothing in the
// file is secret. Java wants a password all the same.
func (b *builder) writeTrustStore() (string, error) {
	var entries []pkcs12.TrustStoreEntry
	for i, der := range b.trusted.der {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			continue // old roots break rules that crypto/x509 upholds
		}
		// Java keeps one certificate for each name, and subjects repeat.
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: cert, FriendlyName: fmt.Sprintf("root-%d", i)})
	}
	data, err := pkcs12.LegacyDES.EncodeTrustStoreEntries(entries, pkcs12.DefaultPassword)
	if err != nil {
		return "", err
	}
	return b.write("truststore.p12", data, 0o644)
}
