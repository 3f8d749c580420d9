package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
)

// errForged is the error for a body whose content is not the one that was recorded.
var errForged = errors.New("the content has another SHA-256 than its name says: it was changed since")

// verified reads a body to its end, where it fails if that was not the content that
// the name of its file stands for.
type verified struct {
	file *os.File
	hash hash.Hash
	name string
}

func verify(file *os.File, name string) *verified {
	return &verified{file: file, hash: sha256.New(), name: name}
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.file.Read(p)
	v.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.hash.Sum(nil)) != v.name {
		return n, errForged
	}
	return n, err
}

func (v *verified) Close() error { return v.file.Close() }
