package rules

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// Duration is a time span, written with a unit as 50ms or 1m30s. It is never
// negative.
type Duration time.Duration

func (d *Duration) parse(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return fmt.Errorf("%.60q is no duration: write a number with a unit, as 50ms or 2s", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML returns the duration as users write it.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// Size is a number of bytes, written as 1KiB or 500.
type Size int64

func (s *Size) parse(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%.60q is no size: write a number of bytes, with a unit as 64KiB", text)
	}
	*s = Size(n)
	return nil
}

// MarshalYAML returns the size as users write it.
func (s Size) MarshalYAML() (any, error) { return strconv.FormatInt(int64(s), 10), nil }

// Rate is a number of bytes a second, written as 192KiB/s; 0 is no limit.
type Rate int64

func (r *Rate) parse(text string) error {
	amount, ok := strings.CutSuffix(text, "/s")
	n, err := humanize.ParseBytes(amount)
	if !ok || err != nil || n == 0 || n > 1<<62 {
		return fmt.Errorf("%.60q is no rate: write bytes a second, as 192KiB/s", text)
	}
	*r = Rate(n)
	return nil
}

// MarshalYAML returns the rate as users write it.
func (r Rate) MarshalYAML() (any, error) { return strconv.FormatInt(int64(r), 10) + "B/s", nil }

// Probability is a share, from 0 to 1.
type Probability float64

func (p *Probability) parse(text string) error {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return fmt.Errorf("%.60q is no probability: write a number from 0 to 1, as 0.2", text)
	}
	*p = Probability(f)
	return nil
}

// Base64 is bytes, written in base64.
type Base64 []byte

func (b *Base64) parse(text string) error {
	p, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("not base64: %w", err)
	}
	*b = p
	return nil
}

// MarshalYAML returns the bytes as users write them.
func (b Base64) MarshalYAML() (any, error) { return base64.StdEncoding.EncodeToString(b), nil }

// FilePath is a file or folder in the folder of the rules file or below, as
// written.
type FilePath string

func (p *FilePath) decodeNode(d *decoder, n *yaml.Node) {
	text, ok := d.scalar(n)
	if !ok {
		return
	}
	*p = FilePath(text)
	local := filepath.FromSlash(text)
	switch {
	case !filepath.IsLocal(local):
		d.problem(n, "%q is outside the folder of the rules file", text)
	case d.root != nil:
		if _, err := d.root.Stat(local); err != nil {
			d.problem(n, "%v", unnamed(text, err))
		}
	}
}

// unnamed returns an error of a file as users know it, without the system call.
func unnamed(name string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (w *When) parse(text string) error {
	f, err := filter.Parse(text)
	if syntax, ok := errors.AsType[*filter.SyntaxError](err); ok {
		hint := ""
		if syntax.Hint != "" {
			hint = "; " + syntax.Hint
		}
		return fmt.Errorf("filter %.80q: column %d: %s%s", text, syntax.Column, syntax.Text, hint)
	}
	if err != nil {
		return err
	}
	*w = When{Filter: f, text: text}
	return nil
}

// MarshalYAML returns the expression as written.
func (w *When) MarshalYAML() (any, error) { return w.text, nil }

// Passthrough is a host name, "*." and a suffix, or a network as 10.0.0.0/8.
type Passthrough string

func (p *Passthrough) parse(text string) error {
	*p = Passthrough(text)
	if _, err := netip.ParsePrefix(text); err == nil {
		return nil
	}
	host := strings.TrimPrefix(text, "*.")
	if host == "" || strings.ContainsAny(host, "*/:@ ") {
		return fmt.Errorf("%.60q is neither a host, as bank.example or *.bank.example, nor a network, as 10.0.0.0/8", text)
	}
	return nil
}

func (d *Direction) parse(text string) error {
	for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		if text == dir.String() {
			*d = Direction(dir)
			return nil
		}
	}
	return fmt.Errorf("%.60q is neither client-to-server nor server-to-client", text)
}

// MarshalYAML returns the direction as users write it.
func (d Direction) MarshalYAML() (any, error) { return traffic.Direction(d).String(), nil }

// Scheme is http, https, ws or wss.
type Scheme string

func (Scheme) words() []string        { return []string{"http", "https", "ws", "wss"} }
func (Where) words() []string         { return []string{string(WhereRequest), string(WhereResponse)} }
func (FrameMoment) words() []string   { return []string{string(OnOpen)} }
func (FrameOpcode) words() []string   { return []string{string(FrameText), string(FrameBinary)} }
func (TimeoutAction) words() []string { return []string{string(TimeoutContinue), string(TimeoutAbort)} }

func (BreakpointOn) words() []string {
	return []string{string(OnRequest), string(OnResponse), string(OnBoth), string(OnFrame)}
}

func (ResumeAction) words() []string {
	return []string{string(ResumeContinue), string(ResumeAbort), string(ResumeMock)}
}
