package ports

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// binding decodes a binding, which has its port in a file.
func (d *decoder) binding(n *yaml.Node, inFile bool) Binding {
	var b Binding
	recorded := true
	keys := map[string]setter{
		"target": d.target(&b.Target), "upstream": d.upstream(&b.Upstream), "replay": d.text(&b.Replay), "raw": d.raw(&b.Raw),
		"labels":   func(n *yaml.Node) { b.Labels = d.labels(n) },
		"refresh":  func(n *yaml.Node) { b.Refresh = d.refresh(n) },
		"rotation": d.duration(&b.Rotation),
		"auth":     d.auth(&b),
		"tags":     d.texts(&b.Tags),
		"record":   d.flag(&recorded),
	}
	if inFile {
		keys["port"] = d.number(&b.Port)
	}
	before := len(d.problems)
	d.mapping(n, keys)
	b.Unrecorded = !recorded
	if len(d.problems) == before {
		d.checkBinding(n, &b, inFile)
	}
	return b
}

// checkBinding notes what does not go together.
func (d *decoder) checkBinding(n *yaml.Node, b *Binding, inFile bool) {
	ways := 0
	for _, is := range []bool{b.Target != nil, b.Upstream != nil, b.Replay != "", b.Raw != "", b.Labels != nil} {
		if is {
			ways++
		}
	}
	switch {
	case inFile && (b.Port == 0 || b.Port > maxPort):
		d.problem(n, "a binding has a port")
	case ways != 1:
		d.problem(n, "a binding has one of target, upstream, replay, raw and labels, this has %d", ways)
	case b.Labels == nil && (b.Refresh.Enabled || b.Rotation > 0):
		d.problem(n, "refresh and rotation are for bindings with labels")
	case b.User != "" && (b.Target != nil || b.Raw != ""):
		d.problem(n, "auth is for clients that know they use a proxy, not for target and raw")
	}
}

func (d *decoder) labels(n *yaml.Node) Labels {
	labels := Labels{}
	d.pairs(n, func(key, value *yaml.Node) {
		var values []string
		d.texts(&values)(value)
		labels[key.Value] = values
	})
	return labels
}

// refresh decodes true, false, or a mapping with bounds.
func (d *decoder) refresh(n *yaml.Node) Refresh {
	var r Refresh
	if n.Kind == yaml.ScalarNode {
		d.flag(&r.Enabled)(n)
		return r
	}
	r.Enabled = true
	d.mapping(n, map[string]setter{"max": d.number(&r.Max), "interval": d.duration(&r.Interval)})
	return r
}

// auth returns a setter of User and Password.
func (d *decoder) auth(b *Binding) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		user, password, _ := strings.Cut(s, ":")
		if user == "" || password == "" {
			d.problem(n, "it is not user:password")
			return
		}
		b.User, b.Password = user, password
	}
}
