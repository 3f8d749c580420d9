//go:build !race

package wsframe_test

// raceEnabled: the race detector drops pooled values at random, so that they are
// allocated again.
const raceEnabled = false
