package record

import "io/fs"

// checkOwner finds nothing wrong: who may write into a folder is said by lists that
// it gets from the one around it.
func checkOwner(fs.FileInfo) error { return nil }
