package convert

import (
	"context"
	"errors"
	"os"

	"github.com/necto-dev/necto/record"
)

// publishHAR makes a HAR of what was written and gives it its name.
func (f *file) publishHAR(ctx context.Context) (err error) {
	in, err := record.Open(f.temp)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := f.temp + ".har"
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	w, err := record.NewHARWriter(temp, record.HAROptions{ToolVersion: f.options.ToolVersion, Profile: f.options.Profile})
	if err != nil {
		return err
	}
	err = in.Scan(func(l record.Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.AddLine(l.Raw, in)
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.Rename(temp, f.path)
}
