package loopback

import "testing"

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:80": true, "127.9.9.9": true, "[::1]:80": true, "[::1]": true, "::1": true, "LocalHost:80": true,
		"": false, ":80": false, "192.0.2.1": false, "127.0.0.1.evil.example": false, "evil.example:80": false, "localhost.evil.example": false,
	} {
		if got := IsHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestIsPage(t *testing.T) {
	relays := func(port int) bool { return port == 80 || port == 8890 }
	for origin, want := range map[string]bool{
		"": true, "http://localhost:3000": true, "https://127.0.0.1": true, "http://[::1]:3000": true,
		"null": false, "localhost": false, "file://localhost": false, "ws://localhost:3000": false, "https://evil.example": false,
		"http://localhost": false, "http://localhost:80": false, "https://localhost:8890": false, "http://[::1]:8890": false,
		"http://localhost:08890": false, "http://localhost:99999999999999999999": false, "http://localhost:x": false,
	} {
		if got := IsPage(origin, relays); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
	if !IsPage("http://localhost", nil) {
		t.Error("a page of this machine is none without ports of others")
	}
}

// FuzzIsPage holds that no origin makes it panic, and that relays is asked about all
// pages of this machine.
func FuzzIsPage(f *testing.F) {
	f.Add("http://localhost:8890")
	f.Add("https://[::1%25lo]:1")
	f.Fuzz(func(t *testing.T, origin string) {
		if IsPage(origin, func(int) bool { return true }) && origin != "" {
			t.Errorf("%q", origin)
		}
	})
}
