package ports

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Load reads a ports file. Recordings that it names are beside it. What is wrong
// with its content is a *ConfigError that has it all; other errors are of the file
// system.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, err
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, err
	}
	c, err := Parse(path, text)
	c.Folder = folder
	for i := range c.Bindings {
		b := &c.Bindings[i]
		if b.Replay != "" && !filepath.IsAbs(b.Replay) {
			b.Replay = filepath.Join(folder, b.Replay)
		}
	}
	return c, err
}

// Parse reads the content of a ports file. name is for positions. The error is a
// *ConfigError.
func Parse(name string, text []byte) (Config, error) {
	c := Config{Range: Range{Format: DefaultFormat}, Probe: defaultProbe}
	err := decodeText(name, text, c.decode)
	return c, err
}

// parseBinding reads a binding as REST calls and state files have it, in JSON. name
// is for positions. The error is a *ConfigError.
func parseBinding(name string, text []byte) (Binding, error) {
	var b Binding
	err := decodeText(name, jsonAsYAML(text), func(d *decoder, n *yaml.Node) { b = d.binding(n, false) })
	return b, err
}

// notYAML finds what means the same in JSON, but is an error or a line break to
// go-yaml: \/, a pair of surrogates, and some characters as they are. Other escapes are
// found so that their backslash is not taken for the beginning of one of these.
var notYAML = regexp.MustCompile(`\\u[dD][89abAB][[:xdigit:]]{2}\\u[dD][c-fC-F][[:xdigit:]]{2}|\\.|[\x{7f}-\x{9f}\x{2028}\x{2029}\x{fffe}\x{ffff}]`)

// jsonAsYAML returns JSON as go-yaml reads it.
func jsonAsYAML(text []byte) []byte {
	return notYAML.ReplaceAllFunc(text, func(found []byte) []byte {
		switch {
		case found[0] != '\\':
			r, _ := utf8.DecodeRune(found)
			return fmt.Appendf(nil, `\u%04x`, r)
		case found[1] == '/':
			return found[1:]
		case found[1] == 'u' && len(found) > 2:
			var s string
			_ = json.Unmarshal(fmt.Appendf(nil, `"%s"`, found), &s) // a pair is valid
			return []byte(s)
		}
		return found
	})
}

func (c *Config) decode(d *decoder, n *yaml.Node) {
	var version int
	ranged := false
	d.mapping(n, map[string]setter{
		"version":    d.number(&version),
		"ports":      func(n *yaml.Node) { ranged = true; c.decodeRange(d, n) },
		"probe":      func(n *yaml.Node) { c.Probe.decode(d, n) },
		"debug":      d.flag(&c.Debug),
		"candidates": func(n *yaml.Node) { d.list(n, func(n *yaml.Node) { c.addCandidate(d, n) }) },
		"bindings":   func(n *yaml.Node) { d.list(n, func(n *yaml.Node) { c.addBinding(d, n) }) },
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if version != 1 {
		d.problem(n, "a ports file begins with `version: 1`")
	}
	if !ranged {
		d.problem(n, "there are no ports: `ports: {start: 60000, count: 20}`")
		return
	}
	for _, b := range c.Bindings {
		if !c.Range.Has(b.Port) {
			d.problem(n, "there is a binding of port %d, which is none of %s", b.Port, c.Range)
		}
	}
}

func (c *Config) decodeRange(d *decoder, n *yaml.Node) {
	before := len(d.problems)
	d.mapping(n, map[string]setter{
		"start": d.number(&c.Range.Start), "count": d.number(&c.Range.Count), "format": d.text(&c.Range.Format),
	})
	if err := c.Range.Check(); err != nil && len(d.problems) == before {
		d.problem(n, "%v", err)
	}
}

func (p *Probe) decode(d *decoder, n *yaml.Node) {
	d.mapping(n, map[string]setter{
		"interval": d.duration(&p.Interval), "retry": d.duration(&p.Retry), "timeout": d.duration(&p.Timeout),
		"failures": d.number(&p.Failures),
	})
}

func (c *Config) addBinding(d *decoder, n *yaml.Node) {
	b := d.binding(n, true)
	switch {
	case b.Port == 0:
	case slices.ContainsFunc(c.Bindings, func(o Binding) bool { return o.Port == b.Port }):
		d.problem(n, "there are two bindings of port %d", b.Port)
	default:
		c.Bindings = append(c.Bindings, b)
	}
}
