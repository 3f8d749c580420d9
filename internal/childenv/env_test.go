package childenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/necto-dev/necto/internal/ca"
)

const proxyURL = "http://127.0.0.1:4711"

// authority returns a new one.
func authority(t testing.TB) *ca.Authority {
	t.Helper()
	a, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// build returns the environment for o, with an authority and a proxy if o has
// none.
func build(t testing.TB, o Options) *Env {
	t.Helper()
	if o.CACert == "" {
		o.CACert = authority(t).CertPath()
	}
	if o.Proxy == "" {
		o.Proxy = proxyURL
	}
	env, err := Build(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

// values returns the variables of env by name.
func values(env *Env) map[string]string {
	m := make(map[string]string)
	for _, v := range env.Vars() {
		m[v.Name] = v.Value
	}
	return m
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProxyVariables(t *testing.T) {
	got := values(build(t, Options{Proxy: proxyURL + "/"}))
	for _, name := range []string{
		"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "WS_PROXY", "WSS_PROXY",
		"CGI_HTTP_PROXY", "npm_config_proxy", "npm_config_https_proxy", "GLOBAL_AGENT_HTTP_PROXY", "GLOBAL_AGENT_HTTPS_PROXY",
	} {
		if got[name] != proxyURL {
			t.Errorf("%s=%q, want %q", name, got[name], proxyURL)
		}
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if value, set := got[name]; !set || value != "" {
			t.Errorf("%s=%q, set %v; want it set and empty", name, value, set)
		}
	}
	if got["NODE_USE_ENV_PROXY"] != "1" {
		t.Errorf("NODE_USE_ENV_PROXY=%q", got["NODE_USE_ENV_PROXY"])
	}
}

func TestTrustStoreHoldsBundle(t *testing.T) {
	a := authority(t)
	preset := authority(t)
	env := build(t, Options{CACert: a.CertPath(), Environ: []string{"SSL_CERT_FILE=" + preset.CertPath()}})
	path := optionValue(t, values(env)["JAVA_TOOL_OPTIONS"], "-Djavax.net.ssl.trustStore=")
	certs, err := pkcs12.DecodeTrustStore([]byte(readFile(t, path)), "changeit")
	if err != nil {
		t.Fatal(err)
	}
	if len(certs) != 2 || !certs[0].Equal(a.Certificate()) || !certs[1].Equal(preset.Certificate()) {
		t.Errorf("trust store holds %d certificates", len(certs))
	}
}

// optionValue returns the value of the last option with a prefix.
func optionValue(t testing.TB, options, prefix string) string {
	t.Helper()
	i := strings.LastIndex(options, prefix)
	if i < 0 {
		t.Fatalf("no %s in %q", prefix, options)
	}
	value, _, _ := strings.Cut(options[i+len(prefix):], " ")
	return value
}

func TestOptionsExtendPresets(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, CACert: authority(t).CertPath(), Environ: []string{
		"JAVA_TOOL_OPTIONS=-Xmx1g", "NODE_OPTIONS=--max-old-space-size=512", "PHP_INI_SCAN_DIR=/etc/php",
	}}
	first := values(build(t, o))
	shim := filepath.Join(dir, "node-proxy.cjs")
	if got, want := first["NODE_OPTIONS"], "--max-old-space-size=512 --require "+nodeOption(shim); got != want {
		t.Errorf("NODE_OPTIONS=%q, want %q", got, want)
	}
	if got, want := first["PHP_INI_SCAN_DIR"], "/etc/php"+string(os.PathListSeparator)+dir; got != want {
		t.Errorf("PHP_INI_SCAN_DIR=%q, want %q", got, want)
	}
	want := "-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=4711 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711" +
		" -Dhttp.nonProxyHosts= " + javaOption("-Djavax.net.ssl.trustStore="+filepath.Join(dir, "truststore.p12")) +
		" -Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStoreType=PKCS12"
	if got := first["JAVA_TOOL_OPTIONS"]; got != want {
		t.Errorf("JAVA_TOOL_OPTIONS=%q, want %q", got, want)
	}

	// In a shell that has evaluated what `necto env` printed, nothing grows.
	for name, value := range first {
		o.Environ = append(o.Environ, name+"="+value)
	}
	second := build(t, o)
	if diff := cmp.Diff(first, values(second)); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
	if got := readFile(t, first["WGETRC"]); strings.Count(got, "ca_certificate") != 1 {
		t.Errorf("wgetrc grows:\n%s", got)
	}
	if len(second.Notes()) > 0 {
		t.Errorf("notes about our own values: %q", second.Notes())
	}
}

func TestOptionQuoting(t *testing.T) {
	tests := []struct{ in, node, java string }{
		{`/tmp/a`, `/tmp/a`, `/tmp/a`},
		{`/tmp/a b`, `"/tmp/a b"`, `"/tmp/a b"`},
		{`C:\Users\A B\x`, `"C:\\Users\\A B\\x"`, `"C:\Users\A B\x"`},
		{`C:\Users\x`, `C:\Users\x`, `C:\Users\x`},
	}
	for _, tt := range tests {
		if got := nodeOption(tt.in); got != tt.node {
			t.Errorf("nodeOption(%s) = %s, want %s", tt.in, got, tt.node)
		}
		if got := javaOption(tt.in); got != tt.java {
			t.Errorf("javaOption(%s) = %s, want %s", tt.in, got, tt.java)
		}
	}
}

func TestNotes(t *testing.T) {
	empty := writeFile(t, "nothing")
	env := build(t, Options{Environ: []string{
		"HTTPS_PROXY=http://user:secret@corp.example:3128",
		"no_proxy=localhost,.corp.example",
		"SSL_CERT_FILE=" + filepath.Join(t.TempDir(), "absent.pem"),
		"CURL_CA_BUNDLE=" + empty,
		"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=/corp.jks",
		"WGETRC=" + t.TempDir(), // a folder cannot be read
	}})
	notes := strings.Join(env.Notes(), "\n")
	for _, want := range []string{"HTTPS_PROXY: ", "no_proxy: ", "SSL_CERT_FILE: ", "CURL_CA_BUNDLE: ", "JAVA_TOOL_OPTIONS: ", "WGETRC: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note about %s in:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "secret") {
		t.Errorf("a password in:\n%s", notes)
	}
}

func TestWgetrcKeepsTheUsers(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".wgetrc"), []byte("tries = 1\npassword = x"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := values(build(t, Options{Environ: []string{"HOME=" + home}}))
	want := "tries = 1\npassword = x\nca_certificate = " + got["SSL_CERT_FILE"] + "\n"
	if diff := cmp.Diff(want, readFile(t, got["WGETRC"])); diff != "" {
		t.Errorf("wgetrc (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(got["WGETRC"]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
}

func TestSeenAs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "env")
	env := build(t, Options{Dir: dir, SeenAs: "/etc/necto"})
	got := values(env)
	for name, want := range map[string]string{
		"SSL_CERT_FILE":       "/etc/necto/bundle.pem",
		"NODE_EXTRA_CA_CERTS": "/etc/necto/extra-ca.pem",
		"NODE_OPTIONS":        "--require /etc/necto/node-proxy.cjs",
		"WGETRC":              "/etc/necto/wgetrc",
		"PHP_INI_SCAN_DIR":    ":/etc/necto",
	} {
		if got[name] != want {
			t.Errorf("%s=%q, want %q", name, got[name], want)
		}
	}
	if rc := readFile(t, filepath.Join(dir, "wgetrc")); rc != "ca_certificate = /etc/necto/bundle.pem\n" {
		t.Errorf("wgetrc %q", rc)
	}
	if got := optionValue(t, got["JAVA_TOOL_OPTIONS"], "-Djavax.net.ssl.trustStore="); got != "/etc/necto/truststore.p12" {
		t.Errorf("trust store %q", got)
	}
	if err := env.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 6 {
		t.Errorf("a folder that was asked for holds %v: %v", names, err)
	}
	for _, entry := range names {
		info, err := entry.Info()
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o644 {
			t.Errorf("%s has mode %v: a container's user cannot read it: %v", entry.Name(), info.Mode(), err)
		}
	}
}

func TestCloseRemovesFiles(t *testing.T) {
	env := build(t, Options{})
	path := values(env)["SSL_CERT_FILE"]
	if err := env.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestEnviron(t *testing.T) {
	env := build(t, Options{})
	got := env.Environ([]string{"PATH=/bin", "NO_PROXY=localhost", "SSL_CERT_FILE=/x", "ODD", "=C:=C:\\"})
	if diff := cmp.Diff([]string{"PATH=/bin", "ODD", "=C:=C:\\"}, got[:3]); diff != "" {
		t.Errorf("what is not ours (-want +got):\n%s", diff)
	}
	count := 0
	for _, entry := range got {
		if strings.HasPrefix(entry, "NO_PROXY=") {
			count++
		}
	}
	if count != 1 || !slices.Contains(got, "NO_PROXY=") {
		t.Errorf("NO_PROXY is there %d times", count)
	}
	if !slices.IsSortedFunc(env.Vars(), func(a, b Var) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the variables are not sorted")
	}
}

func TestBuildRefuses(t *testing.T) {
	cert := authority(t).CertPath()
	file := writeFile(t, "")
	tests := []struct {
		name string
		o    Options
		text string
	}{
		{"no proxy", Options{CACert: cert}, "http://host:port"},
		{"proxy without port", Options{CACert: cert, Proxy: "http://localhost"}, "http://host:port"},
		{"proxy without scheme", Options{CACert: cert, Proxy: "localhost:8888"}, "http://host:port"},
		{"proxy with TLS", Options{CACert: cert, Proxy: "https://localhost:8888"}, "http://host:port"},
		{"proxy with a path", Options{CACert: cert, Proxy: "http://localhost:8888/x"}, "http://host:port"},
		{"proxy is no URL", Options{CACert: cert, Proxy: "http://[::1"}, "http://host:port"},
		{"certificate absent", Options{CACert: filepath.Join(t.TempDir(), "ca.pem"), Proxy: proxyURL}, "ca.pem"},
		{"certificate empty", Options{CACert: file, Proxy: proxyURL}, "no PEM certificate"},
		{"folder is a file", Options{CACert: cert, Proxy: proxyURL, Dir: file}, file},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, err := Build(tt.o)
			if err == nil {
				t.Fatalf("no error, %d variables", len(env.Vars()))
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q does not say %q", err, tt.text)
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	cert := authority(b).CertPath()
	b.ReportAllocs()
	for b.Loop() {
		env, err := Build(Options{Proxy: proxyURL, CACert: cert})
		if err != nil {
			b.Fatal(err)
		}
		if err := env.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
