// Package record writes and reads recordings.
package record
