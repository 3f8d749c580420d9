package coding

import (
	"bytes"
	"errors"
	"io"
)

// Decoded returns what r has, to its end, with codings undone; see Decode. Of more
// than limit bytes, also where there are no codings, the error is ErrTooLarge. What
// could be read before an error comes along with it.
func Decoded(codings []string, r io.Reader, limit int64) ([]byte, error) {
	d, err := Decode(codings, r, limit)
	if err != nil {
		return nil, err
	}
	defer d.Close() // never fails
	content, err := io.ReadAll(io.LimitReader(d, limit+1))
	if int64(len(content)) > limit {
		return content[:limit], ErrTooLarge
	}
	return content, err
}

// Encoded returns content with codings applied in their order, content itself if
// there are none.
func Encoded(codings []string, content []byte) ([]byte, error) {
	for _, name := range codings {
		var out bytes.Buffer
		e, err := Encode(name, &out)
		if err != nil {
			return nil, err
		}
		_, err = e.Write(content)
		if err = errors.Join(err, e.Close()); err != nil {
			return nil, err
		}
		content = out.Bytes()
	}
	return content, nil
}
