package rules

import "time"

// Profile is a kind of network that throttle knows by name.
type Profile struct {
	Name string
	// Down and Up are bytes a second, 0 for no limit.
	Down, Up int64
	// Latency is waited once a request, give or take Jitter.
	Latency, Jitter time.Duration
	// Loss is the share of requests that fail, from 0 to 1.
	Loss float64
}

// profiles are the presets of NectoProxy.
var profiles = []Profile{
	profile("none", 0, 0, 0, 0, 0),
	profile("slow-2g", 35, 32, 1400, 400, 0.01),
	profile("regular-2g", 56, 19, 800, 200, 0.005),
	profile("good-2g", 112, 35, 650, 150, 0.002),
	profile("slow-3g", 97, 41, 400, 100, 0),
	profile("regular-3g", 192, 94, 300, 100, 0),
	profile("good-3g", 512, 192, 170, 40, 0),
	profile("regular-4g", 1152, 512, 50, 10, 0),
	profile("dsl", 256, 128, 50, 10, 0),
	profile("wifi", 3840, 1920, 10, 5, 0),
	profile("offline", 0, 0, 0, 0, 1),
}

// profile takes KiB a second and milliseconds.
func profile(name string, down, up int64, latency, jitter time.Duration, loss float64) Profile {
	return Profile{
		Name: name, Down: down << 10, Up: up << 10,
		Latency: latency * time.Millisecond, Jitter: jitter * time.Millisecond, Loss: loss,
	}
}

// ProfileNamed returns the profile of that name, and whether there is one.
func ProfileNamed(name string) (Profile, bool) {
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

func profileNames() []string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = p.Name
	}
	return names
}
