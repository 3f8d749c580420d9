package rules

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/jsondoc"
)

// Condition is what is asked of a named value that may be there several times or
// not at all: true that it is there, false that it is not, or patterns of which
// one of the values matches one.
type Condition struct {
	// Present is nil if there are Values.
	Present *bool
	Values  List[Pattern]
}

func (c *Condition) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		c.Present = new(bool)
		d.boolean(n, reflect.ValueOf(c.Present).Elem())
		return
	}
	c.Values.decodeNode(d, n)
}

// MarshalYAML returns the condition as users write it.
func (c Condition) MarshalYAML() (any, error) {
	if c.Present != nil {
		return *c.Present, nil
	}
	return c.Values, nil
}

// Holds reports whether the condition holds for values, which are none if the
// name is not there.
func (c *Condition) Holds(values []string) bool {
	if c.Present != nil {
		return *c.Present == (len(values) > 0)
	}
	return slices.ContainsFunc(values, c.matches)
}

// matches reports whether one of the patterns matches a value.
func (c *Condition) matches(value string) bool {
	for i := range c.Values {
		if c.Values[i].Match(value) {
			return true
		}
	}
	return false
}

// JSONCondition is what is asked of the value at a path of a JSON document: of a
// string that it matches a pattern, of all else that it is equal. A path with #
// gives several values, of which one has to.
type JSONCondition struct {
	want    JSON
	value   any      // want, decoded
	pattern *Pattern // nil unless want is a string
}

func (c *JSONCondition) decodeNode(d *decoder, n *yaml.Node) {
	c.want.decodeNode(d, n)
	if err := json.Unmarshal(c.want, &c.value); err != nil {
		d.problem(n, "not JSON: %v", err)
		return
	}
	if text, ok := c.value.(string); ok {
		c.pattern = new(Pattern)
		if err := c.pattern.parse(text); err != nil {
			d.problem(n, "%v", err)
		}
	}
}

// MarshalYAML returns the value as users write it.
func (c JSONCondition) MarshalYAML() (any, error) { return c.want.MarshalYAML() }

// Holds reports whether the condition holds for the value at a gjson path of
// document, which must be valid JSON.
func (c *JSONCondition) Holds(document []byte, path string) bool {
	found := gjson.GetBytes(document, path)
	if !found.Exists() {
		return false
	}
	if c.equal(found) {
		return true
	}
	if !found.IsArray() || !strings.Contains(path, "#") {
		return false
	}
	holds := false
	found.ForEach(func(_, item gjson.Result) bool {
		holds = c.equal(item)
		return !holds
	})
	return holds
}

func (c *JSONCondition) equal(found gjson.Result) bool {
	if c.pattern != nil {
		return found.Type == gjson.String && c.pattern.Match(found.String())
	}
	return reflect.DeepEqual(found.Value(), c.value)
}

// holdAll reports whether all conditions hold for a document.
func holdAll(conditions Map[JSONCondition], document []byte) bool {
	if len(conditions) > 0 && !jsondoc.Valid(document) {
		return false
	}
	for i := range conditions {
		if !conditions[i].Value.Holds(document, conditions[i].Name) {
			return false
		}
	}
	return true
}
