package ca

import (
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"runtime"
	"strings"
)

// ErrNoStore says that this system has no trust store that necto knows how to
// change.
var ErrNoStore = errors.New("no known trust store on this system")

// Command is one step of a plan.
type Command struct {
	// Args is the program and its arguments.
	Args []string
	// When, if not nil, is a program and its arguments that is run first: the
	// step is only needed if it exits with 0.
	When []string
}

// System is what a plan depends on. SystemHere returns that of this machine.
type System struct {
	// GOOS is the operating system in the spelling of runtime.GOOS.
	GOOS string
	// Admin says that we may change the trust store as we are. If not, and
	// there is sudo, the commands are run through it.
	Admin bool
	// HasDir and HasProgram report whether a folder and a program of the
	// search path exist.
	HasDir     func(path string) bool
	HasProgram func(name string) bool
}

// SystemHere returns the system that this process runs on.
func SystemHere() System {
	return System{
		GOOS:  runtime.GOOS,
		Admin: os.Geteuid() == 0,
		HasDir: func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.IsDir()
		},
		HasProgram: func(name string) bool {
			_, err := exec.LookPath(name)
			return err == nil
		},
	}
}

// linuxStore is a trust store kept as a folder of certificates, from which a
// program makes the bundles that other programs read.
type linuxStore struct {
	dir, suffix string
	update      []string
}

// linuxStores are the stores of the distributions, told apart by folder and
// program; Debian and openSUSE share the name of the program.
var linuxStores = []linuxStore{
	{"/etc/pki/ca-trust/source/anchors", ".pem", []string{"update-ca-trust", "extract"}},       // Fedora, RHEL
	{"/usr/local/share/ca-certificates", ".crt", []string{"update-ca-certificates"}},           // Debian, Ubuntu, Alpine
	{"/etc/pki/trust/anchors", ".pem", []string{"update-ca-certificates"}},                     // openSUSE
	{"/etc/ca-certificates/trust-source/anchors", ".crt", []string{"trust", "extract-compat"}}, // Arch
}

const systemKeychain = "/Library/Keychains/System.keychain"

// InstallPlan returns the commands that make s trust cert, kept as PEM at
// certPath. Running them twice does no harm. The error is ErrNoStore if s has
// no store known to us.
func InstallPlan(s System, cert *x509.Certificate, certPath string) ([]Command, error) {
	switch s.GOOS {
	case "linux":
		store, file, err := s.linuxStore(cert)
		if err != nil {
			return nil, err
		}
		return s.privileged(
			Command{Args: []string{"install", "-m", "0644", certPath, file}},
			Command{Args: store.update},
		), nil
	case "darwin":
		return s.privileged(Command{Args: []string{
			"security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", systemKeychain, certPath,
		}}), nil
	case "windows":
		return []Command{{Args: []string{"certutil", "-addstore", "-f", "ROOT", certPath}}}, nil
	}
	return nil, fmt.Errorf("%w (%s)", ErrNoStore, s.GOOS)
}

// UninstallPlan returns the commands that undo InstallPlan. They do nothing
// where the certificate is not installed. The error is as for InstallPlan.
func UninstallPlan(s System, cert *x509.Certificate, certPath string) ([]Command, error) {
	switch s.GOOS {
	case "linux":
		store, file, err := s.linuxStore(cert)
		if err != nil {
			return nil, err
		}
		plan := []Command{{Args: []string{"rm", "-f", file}}, {Args: store.update}}
		return s.privileged(append(plan, s.forgetJava(store, file)...)...), nil
	case "darwin":
		installed := []string{"security", "find-certificate", "-c", cert.Subject.CommonName, systemKeychain}
		fingerprint := fmt.Sprintf("%X", sha1.Sum(cert.Raw))
		return s.privileged(
			Command{When: installed, Args: []string{"security", "remove-trusted-cert", "-d", certPath}},
			Command{When: installed, Args: []string{"security", "delete-certificate", "-Z", fingerprint, systemKeychain}},
		), nil
	case "windows":
		serial := cert.SerialNumber.Text(16)
		if len(serial)%2 == 1 { // certutil wants whole bytes
			serial = "0" + serial
		}
		return []Command{{
			When: []string{"certutil", "-store", "ROOT", serial},
			Args: []string{"certutil", "-delstore", "ROOT", serial},
		}}, nil
	}
	return nil, fmt.Errorf("%w (%s)", ErrNoStore, s.GOOS)
}

// linuxStore returns the store of a Linux system and the file in it that cert
// has.
func (s System) linuxStore(cert *x509.Certificate) (linuxStore, string, error) {
	for _, store := range linuxStores {
		if s.HasDir(store.dir) && s.HasProgram(store.update[0]) {
			return store, path.Join(store.dir, "necto-"+ID(cert)+store.suffix), nil
		}
	}
	return linuxStore{}, "", fmt.Errorf("%w (Linux without update-ca-certificates, update-ca-trust or trust)", ErrNoStore)
}

// debianJava is where Debian keeps the trust store of Java.
const debianJava = "/etc/ssl/certs/java"

// forgetJava returns the steps that remove file from the trust store of Java on
// Debian. update-ca-certificates adds what is installed to that, but does not
// tell it what is gone.
func (s System) forgetJava(store linuxStore, file string) []Command {
	if store.update[0] != "update-ca-certificates" || !s.HasDir(debianJava) || !s.HasProgram("keytool") {
		return nil
	}
	alias := "debian:" + strings.TrimSuffix(path.Base(file), store.suffix) + ".pem"
	entry := []string{"-keystore", debianJava + "/cacerts", "-storepass", "changeit", "-alias", alias}
	return []Command{{
		When: append([]string{"keytool", "-list"}, entry...),
		Args: append([]string{"keytool", "-delete"}, entry...),
	}}
}

// privileged returns commands as an ordinary user has to run them.
func (s System) privileged(commands ...Command) []Command {
	if s.Admin || !s.HasProgram("sudo") {
		return commands
	}
	for i, c := range commands {
		commands[i].Args = append([]string{"sudo"}, c.Args...)
	}
	return commands
}
