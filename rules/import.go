package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Import translates rules and breakpoints of NectoProxy, as its REST API gives
// them, to a rules file. It takes a list of rules, one rule, or an object with
// lists "rules" and "breakpoints"; actions in kebab case as its code has them or
// in camel case as its pages do, under "match" or "matchPattern". The notes say
// what there is no equivalent for, and was left out.
func Import(data []byte) (file []byte, notes []string, err error) {
	in, err := readNectoProxy(data)
	if err != nil {
		return nil, nil, fmt.Errorf("import rules: %w", err)
	}
	im := importer{names: make(map[string]bool)}
	// NectoProxy's order is the priority, lower first.
	slices.SortStableFunc(in.Rules, func(a, b foreignRule) int { return a.Priority - b.Priority })
	out := File{Version: 1}
	for i := range in.Rules {
		if r := im.rule(&in.Rules[i]); r != nil {
			out.Rules = append(out.Rules, r)
		}
	}
	for i := range in.Breakpoints {
		if b := im.breakpoint(&in.Breakpoints[i]); b != nil {
			out.Breakpoints = append(out.Breakpoints, b)
		}
	}
	var text bytes.Buffer
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(out), enc.Close()); err != nil {
		return nil, nil, fmt.Errorf("import rules: %w", err)
	}
	if _, err := Parse("imported", text.Bytes()); err != nil {
		return nil, nil, fmt.Errorf("import rules: what comes out is not in order: %w", err)
	}
	return text.Bytes(), im.notes, nil
}

// foreignFile is what NectoProxy's API returns for rules and breakpoints.
type foreignFile struct {
	Rules       []foreignRule       `json:"rules"`
	Breakpoints []foreignBreakpoint `json:"breakpoints"`
}

// foreignRule is NectoProxy's Rule.
type foreignRule struct {
	Name         string          `json:"name"`
	Enabled      *bool           `json:"enabled"`
	Priority     int             `json:"priority"`
	Match        *foreignMatcher `json:"match"`
	MatchPattern *foreignMatcher `json:"matchPattern"`
	Action       string          `json:"action"`
	Config       json.RawMessage `json:"config"`
}

// readNectoProxy reads any of the forms.
func readNectoProxy(data []byte) (*foreignFile, error) {
	in := new(foreignFile)
	trimmed := bytes.TrimSpace(data)
	if bytes.HasPrefix(trimmed, []byte("[")) {
		return in, json.Unmarshal(trimmed, &in.Rules)
	}
	if err := json.Unmarshal(trimmed, in); err != nil {
		return nil, err
	}
	if in.Rules == nil && in.Breakpoints == nil {
		var one foreignRule
		if err := json.Unmarshal(trimmed, &one); err != nil {
			return nil, err
		}
		if one.Action == "" {
			return nil, errors.New("neither a rule nor an object with rules or breakpoints")
		}
		in.Rules = append(in.Rules, one)
	}
	return in, nil
}

// importer translates, and notes what it cannot.
type importer struct {
	names map[string]bool
	in    string // the rule or breakpoint at hand
	notes []string
}

func (im *importer) note(format string, args ...any) {
	im.notes = append(im.notes, im.in+": "+fmt.Sprintf(format, args...))
}

// name returns a name that is not taken.
func (im *importer) name(kind, name string) string {
	if name = strings.TrimSpace(name); name == "" {
		name = kind
	}
	unique := name
	for n := 2; im.names[kind+" "+unique]; n++ {
		unique = fmt.Sprintf("%s (%d)", name, n)
	}
	im.names[kind+" "+unique] = true
	im.in = fmt.Sprintf("%s %q", kind, unique)
	return unique
}

// rule translates a rule, or notes why it cannot and returns nil.
func (im *importer) rule(in *foreignRule) *Rule {
	r := &Rule{Name: im.name("rule", in.Name)}
	if in.Enabled != nil && !*in.Enabled {
		r.Enabled = in.Enabled
	}
	match := in.Match
	if match == nil {
		match = in.MatchPattern
	}
	var err error
	if r.Match, err = match.translate(); err == nil {
		err = im.action(r, in)
	}
	if err != nil {
		im.note("left out: %v", err)
		return nil
	}
	return r
}

// breakpoint translates a breakpoint, or notes why it cannot and returns nil.
func (im *importer) breakpoint(in *foreignBreakpoint) *Breakpoint {
	b := &Breakpoint{Name: im.name("breakpoint", in.Name), On: BreakpointOn(in.Type)}
	if in.Enabled != nil && !*in.Enabled {
		b.Enabled = in.Enabled
	}
	match := in.Match
	if match == nil {
		match = in.MatchPattern
	}
	var err error
	if b.Match, err = match.translate(); err == nil {
		b.When, err = in.when()
	}
	if err == nil && !slices.Contains([]BreakpointOn{OnRequest, OnResponse, OnBoth}, b.On) {
		err = fmt.Errorf("unknown type %q", in.Type)
	}
	if err != nil {
		im.note("left out: %v", err)
		return nil
	}
	return b
}
