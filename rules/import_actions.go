package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// action translates the action of a rule and its configuration.
func (im *importer) action(r *Rule, in *foreignRule) error {
	kebab := strings.ToLower(in.Action)
	switch strings.ReplaceAll(kebab, "-", "") {
	case "mock":
		return im.mock(r, in.Config)
	case "block":
		r.Block = &Block{Status: 403}
		return nil
	case "maplocal":
		return im.mapLocal(r, in.Config)
	case "mapremote":
		return im.mapRemote(r, in.Config)
	case "modifyrequest":
		return im.modifyRequest(r, in.Config)
	case "modifyresponse":
		return im.modifyResponse(r, in.Config)
	case "delay":
		return im.delay(r, in.Config)
	case "throttle":
		return im.throttle(r, in.Config)
	default:
		return fmt.Errorf("unknown action %q", in.Action)
	}
}

// config reads the configuration of an action.
func config(data json.RawMessage, into any) error {
	if len(data) == 0 || string(data) == "null" {
		return errors.New("no config")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// milliseconds returns a duration, 0 for what is none.
func milliseconds(ms float64) Duration {
	if !(ms > 0) || ms > math.MaxInt64/float64(time.Millisecond)/2 {
		return 0
	}
	return Duration(ms * float64(time.Millisecond)).rounded()
}

func (d Duration) rounded() Duration {
	return Duration(time.Duration(d).Round(time.Microsecond))
}

func (im *importer) mock(r *Rule, data json.RawMessage) error {
	var c struct {
		Status     int
		StatusText string
		Headers    map[string]oneOrSeveral
		Body       *string
		BodyFile   string
		Delay      float64
	}
	if err := config(data, &c); err != nil {
		return err
	}
	r.Mock = &Mock{Status: c.Status, Reason: c.StatusText, Headers: headersOf(c.Headers), Body: c.Body, Delay: milliseconds(c.Delay)}
	if c.BodyFile != "" {
		r.Mock.Body, r.Mock.File = nil, FilePath(filepath.ToSlash(c.BodyFile))
	}
	return localPath(r.Mock.File)
}

func (im *importer) mapLocal(r *Rule, data json.RawMessage) error {
	var c struct{ LocalPath string }
	if err := config(data, &c); err != nil {
		return err
	}
	r.MapLocal = &MapLocal{Path: FilePath(filepath.ToSlash(c.LocalPath))}
	return localPath(r.MapLocal.Path)
}

// localPath refuses what is not beside the rules file.
func localPath(p FilePath) error {
	if p != "" && !filepath.IsLocal(filepath.FromSlash(string(p))) {
		return fmt.Errorf("%q is outside the folder of the rules file: copy it there", p)
	}
	return nil
}

func (im *importer) mapRemote(r *Rule, data json.RawMessage) error {
	var c struct {
		TargetURL                   string
		PreservePath, PreserveQuery *bool
	}
	if err := config(data, &c); err != nil {
		return err
	}
	if _, err := traffic.ParseURL(c.TargetURL); err != nil {
		return err
	}
	r.MapRemote = &MapRemote{URL: c.TargetURL, KeepPath: c.PreservePath, KeepQuery: c.PreserveQuery}
	return nil
}

// foreignEdit is what NectoProxy's two modify configurations have.
type foreignEdit struct {
	SetStatus         int
	SetHeaders        map[string]oneOrSeveral
	RemoveHeaders     []string
	SetQueryParams    map[string]oneOrSeveral
	RemoveQueryParams []string
	ReplaceBody       *string
	TransformBody     string
}

// read reads the configuration, of which scripts are left out.
func (c *foreignEdit) read(im *importer, data json.RawMessage) error {
	if err := config(data, c); err != nil {
		return err
	}
	if c.TransformBody != "" {
		im.note("transformBody left out: rules run no scripts; see modify body replace and json")
	}
	return nil
}

func (c *foreignEdit) headers() *HeaderEdit {
	if len(c.SetHeaders) == 0 && len(c.RemoveHeaders) == 0 {
		return nil
	}
	return &HeaderEdit{Set: headersOf(c.SetHeaders), Remove: c.RemoveHeaders}
}

func (c *foreignEdit) body() *BodyEdit {
	if c.ReplaceBody == nil {
		return nil
	}
	return &BodyEdit{Text: c.ReplaceBody}
}

func (im *importer) modifyRequest(r *Rule, data json.RawMessage) error {
	var c foreignEdit
	if err := c.read(im, data); err != nil {
		return err
	}
	e := &RequestEdit{Headers: c.headers(), Body: c.body()}
	if len(c.SetQueryParams) > 0 || len(c.RemoveQueryParams) > 0 {
		e.Query = &QueryEdit{Remove: c.RemoveQueryParams}
		for _, name := range slices.Sorted(maps.Keys(c.SetQueryParams)) {
			e.Query.Set = append(e.Query.Set, Pair[List[string]]{name, List[string](c.SetQueryParams[name])})
		}
	}
	r.Modify = &Modify{Request: e}
	return nil
}

func (im *importer) modifyResponse(r *Rule, data json.RawMessage) error {
	var c foreignEdit
	if err := c.read(im, data); err != nil {
		return err
	}
	r.Modify = &Modify{Response: &ResponseEdit{Status: c.SetStatus, Headers: c.headers(), Body: c.body()}}
	return nil
}

func (im *importer) delay(r *Rule, data json.RawMessage) error {
	var c struct{ Delay, Variance float64 }
	if err := config(data, &c); err != nil {
		return err
	}
	r.Delay = &Delay{Time: milliseconds(c.Delay), Jitter: milliseconds(min(c.Delay, c.Variance))}
	if r.Delay.Time == 0 {
		return errors.New("it does not delay")
	}
	return nil
}

func (im *importer) throttle(r *Rule, data json.RawMessage) error {
	var c struct{ BytesPerSecond, Latency float64 }
	if err := config(data, &c); err != nil {
		return err
	}
	if !(c.BytesPerSecond >= 1 && c.BytesPerSecond < 1<<62) {
		return errors.New("it does not throttle")
	}
	rate := Rate(c.BytesPerSecond)
	r.Throttle = &Throttle{Down: rate, Up: rate, Latency: milliseconds(c.Latency)}
	return nil
}

// headersOf returns fields in the order of their names, as JSON has none that
// counts.
func headersOf(in map[string]oneOrSeveral) Headers {
	var h Headers
	for _, name := range slices.Sorted(maps.Keys(in)) {
		for _, value := range in[name] {
			h = append(h, traffic.Field{Name: name, Value: value})
		}
	}
	return h
}
