package convert

import (
	"context"
	"errors"
	"os"

	"github.com/necto-dev/necto/record"
)

// publishHAR makes a HAR of what was written and gives it its name.
func (f *file) publishHAR(ctx context.Context) error {
	in, err := openSource(f.temp, false)
	if err != nil {
		return err
	}
	defer in.Close()
	return writeHAR(ctx, f.options, in, f.path, func(record.Line) {})
}

// writeHAR makes a HAR of a recording under another name and renames it. It tells
// see of each line.
func writeHAR(ctx context.Context, o *Options, in source, path string, see func(record.Line)) (err error) {
	temp := tempName(path) + ".har"
	w, err := record.NewHARWriter(temp, record.HAROptions{ToolVersion: o.ToolVersion, Profile: o.Profile})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	err = in.Scan(func(l record.Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		see(l)
		return w.AddLine(l.Raw, in.File)
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// isPlainHAR reports whether nothing but the format changes.
func (o *Options) isPlainHAR() bool {
	return o.Format == HAR && len(o.Inputs) == 1 && o.isPlain()
}

// runPlainHAR makes a HAR of a recording without writing another one first.
func runPlainHAR(ctx context.Context, o *Options) (Result, error) {
	in, err := openSource(o.Inputs[0], true)
	if err != nil {
		return Result{}, err
	}
	defer in.close(o.warn)
	result := Result{Outputs: []string{o.Output}}
	err = writeHAR(ctx, o, in, o.Output, func(l record.Line) {
		switch l.Type {
		case record.TypeHTTP:
			result.Exchanges++
		case record.TypeWSOpen:
			result.Sockets++
		case record.TypeWSFrame:
			result.Frames++
		}
		result.Read += int64(l.Length) + 1
		if o.Progress != nil {
			o.Progress(int64(l.Length) + 1)
		}
	})
	return result, err
}
