package ca

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// system is a system with the given folders and programs.
func system(goos string, admin bool, has ...string) System {
	found := func(name string) bool { return slices.Contains(has, name) }
	return System{GOOS: goos, Admin: admin, HasDir: found, HasProgram: found}
}

func TestPlans(t *testing.T) {
	cert := load(t, t.TempDir()).Certificate()
	debian := []string{"/usr/local/share/ca-certificates", "update-ca-certificates"}
	tests := []struct {
		name               string
		system             System
		install, uninstall []string
	}{
		{
			"Debian as root", system("linux", true, append(debian, "sudo")...),
			[]string{"install -m 0644 PATH /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates"},
			[]string{"rm -f /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates"},
		},
		{
			"Debian through sudo", system("linux", false, append(debian, "sudo")...),
			[]string{"sudo install -m 0644 PATH /usr/local/share/ca-certificates/necto-ID.crt", "sudo update-ca-certificates"},
			[]string{"sudo rm -f /usr/local/share/ca-certificates/necto-ID.crt", "sudo update-ca-certificates"},
		},
		{
			"Debian without sudo", system("linux", false, debian...),
			[]string{"install -m 0644 PATH /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates"},
			[]string{"rm -f /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates"},
		},
		{
			"Debian with Java", system("linux", true, append(debian, "/etc/ssl/certs/java", "keytool")...),
			[]string{"install -m 0644 PATH /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates"},
			[]string{
				"rm -f /usr/local/share/ca-certificates/necto-ID.crt", "update-ca-certificates",
				"if keytool -list -keystore /etc/ssl/certs/java/cacerts -storepass changeit -alias debian:necto-ID.pem: " +
					"keytool -delete -keystore /etc/ssl/certs/java/cacerts -storepass changeit -alias debian:necto-ID.pem",
			},
		},
		{
			"Fedora", system("linux", true, "/etc/pki/ca-trust/source/anchors", "update-ca-trust"),
			[]string{"install -m 0644 PATH /etc/pki/ca-trust/source/anchors/necto-ID.pem", "update-ca-trust extract"},
			[]string{"rm -f /etc/pki/ca-trust/source/anchors/necto-ID.pem", "update-ca-trust extract"},
		},
		{
			"openSUSE", system("linux", true, "/etc/pki/trust/anchors", "update-ca-certificates"),
			[]string{"install -m 0644 PATH /etc/pki/trust/anchors/necto-ID.pem", "update-ca-certificates"},
			[]string{"rm -f /etc/pki/trust/anchors/necto-ID.pem", "update-ca-certificates"},
		},
		{
			"Arch", system("linux", true, "/etc/ca-certificates/trust-source/anchors", "trust"),
			[]string{"install -m 0644 PATH /etc/ca-certificates/trust-source/anchors/necto-ID.crt", "trust extract-compat"},
			[]string{"rm -f /etc/ca-certificates/trust-source/anchors/necto-ID.crt", "trust extract-compat"},
		},
		{
			"macOS", system("darwin", false, "sudo"),
			[]string{"sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain PATH"},
			[]string{
				"if security find-certificate -c necto CA ID /Library/Keychains/System.keychain: sudo security remove-trusted-cert -d PATH",
				"if security find-certificate -c necto CA ID /Library/Keychains/System.keychain: sudo security delete-certificate -Z SHA1 /Library/Keychains/System.keychain",
			},
		},
		{
			"Windows", system("windows", false, "sudo"),
			[]string{"certutil -addstore -f ROOT PATH"},
			[]string{"if certutil -store ROOT SERIAL: certutil -delstore ROOT SERIAL"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			install, err := InstallPlan(tt.system, cert, "PATH")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.install, lines(install, ID(cert))); diff != "" {
				t.Errorf("install (-want +got):\n%s", diff)
			}
			uninstall, err := UninstallPlan(tt.system, cert, "PATH")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.uninstall, lines(uninstall, ID(cert))); diff != "" {
				t.Errorf("uninstall (-want +got):\n%s", diff)
			}
		})
	}
}

// lines returns a plan with what differs from one certificate to the next
// replaced by its name.
func lines(plan []Command, id string) []string {
	var out []string
	for _, c := range plan {
		for _, args := range [][]string{c.Args, c.When} {
			for i, arg := range args {
				switch {
				case i > 0 && args[i-1] == "-Z" && len(arg) == 40:
					args[i] = "SHA1"
				case i > 0 && args[i-1] == "ROOT" && len(arg) > 16 && len(arg)%2 == 0:
					args[i] = "SERIAL"
				}
			}
		}
		line := strings.Join(c.Args, " ")
		if c.When != nil {
			line = "if " + strings.Join(c.When, " ") + ": " + line
		}
		out = append(out, strings.ReplaceAll(line, id, "ID"))
	}
	return out
}

func TestPlansWithoutStore(t *testing.T) {
	cert := load(t, t.TempDir()).Certificate()
	for _, s := range []System{
		system("plan9", true),
		system("linux", true, "/usr/local/share/ca-certificates"), // no program
		system("linux", true, "update-ca-certificates"),           // no folder
	} {
		if _, err := InstallPlan(s, cert, "PATH"); !errors.Is(err, ErrNoStore) {
			t.Errorf("%s: install: %v, want ErrNoStore", s.GOOS, err)
		}
		if _, err := UninstallPlan(s, cert, "PATH"); !errors.Is(err, ErrNoStore) {
			t.Errorf("%s: uninstall: %v, want ErrNoStore", s.GOOS, err)
		}
	}
}

func TestSystemHere(t *testing.T) {
	s := SystemHere()
	if !s.HasDir(t.TempDir()) || s.HasDir("/no such folder") {
		t.Error("HasDir is wrong")
	}
	if s.HasProgram("no-such-program-anywhere") {
		t.Error("HasProgram finds what is not there")
	}
}
