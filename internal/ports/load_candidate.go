package ports

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (c *Config) addCandidate(d *decoder, n *yaml.Node) {
	var candidate Candidate
	d.mapping(n, map[string]setter{
		"id":       d.text(&candidate.ID),
		"upstream": d.upstream(&candidate.Upstream),
		"labels": func(n *yaml.Node) {
			candidate.Labels = map[string]string{}
			d.pairs(n, func(key, value *yaml.Node) {
				var s string
				d.text(&s)(value)
				candidate.Labels[key.Value] = s
			})
		},
	})
	switch {
	case n.Kind != yaml.MappingNode:
	case candidate.ID == "" || candidate.Upstream == nil:
		d.problem(n, "a candidate has an id and an upstream")
	case strings.Contains(candidate.ID, ":"): // it is the id of requests for it
		d.problem(n, "the id %q has a colon", candidate.ID)
	case slices.ContainsFunc(c.Candidates, func(o Candidate) bool { return o.ID == candidate.ID }):
		d.problem(n, "there are two candidates %q", candidate.ID)
	default:
		c.Candidates = append(c.Candidates, candidate)
	}
}
