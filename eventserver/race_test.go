//go:build race

package eventserver

const raceEnabled = true
