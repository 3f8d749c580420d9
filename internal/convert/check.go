package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// nowhere writes nothing: it only names sidecars for what would be in them.
type nowhere struct{ redactor *record.Redactor }

func (n nowhere) write(input *record.File, l *line) error {
	e := l.entry
	if e == nil || n.redactor == nil {
		return nil
	}
	if err := n.rename(input, e.Request.Body, e.Request.Header); err != nil || e.Response == nil {
		return err
	}
	return n.rename(input, e.Response.Body, e.Response.Header)
}

func (n nowhere) rename(input *record.File, b *record.EntryBody, header traffic.Fields) error {
	if b == nil || b.File == "" {
		return nil
	}
	content, err := input.OpenBody(b)
	if err != nil {
		return err
	}
	defer content.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, n.redactor.Content(content, header))
	b.File = hex.EncodeToString(hash.Sum(nil))
	return err
}

func (nowhere) commit(context.Context) ([]string, error) { return nil, nil }

func (nowhere) discard() error { return nil }

// sidecars returns the names of the sidecars of an exchange.
func sidecars(e *record.Entry) (names [2]string) {
	if b := e.Request.Body; b != nil {
		names[0] = b.File
	}
	if e.Response != nil && e.Response.Body != nil {
		names[1] = e.Response.Body.File
	}
	return names
}
