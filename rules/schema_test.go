package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/grpcwire"
)

const schemaID = "https://github.com/necto-dev/necto/raw/main/rules/schema.json"

// text is a scalar: numbers need no quotes where text is wanted.
func text() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
}

func described(s *jsonschema.Schema, description string) *jsonschema.Schema {
	s.Description = description
	return s
}

func wordsOf(w worded) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, word := range w.words() {
		s.Enum = append(s.Enum, word)
	}
	return s
}

func list(item *jsonschema.Schema) *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{item, {Type: "array", Items: item, MinItems: &one}}}
}

// leaf returns the schema of a type that has a form of its own, nil for others.
func leaf(t reflect.Type) *jsonschema.Schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := reflect.New(t).Elem().Interface().(type) {
	case worded:
		return wordsOf(v)
	case Duration:
		return described(&jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$`}, "A duration, as 50ms or 1m30s.")
	case Size:
		return described(text(), "A number of bytes, as 64KiB.")
	case Rate:
		return described(&jsonschema.Schema{Type: "string", Pattern: `/s$`}, "Bytes a second, as 192KiB/s.")
	case Probability:
		return &jsonschema.Schema{Type: "number", Minimum: "0", Maximum: "1"}
	case Base64:
		return &jsonschema.Schema{Type: "string", ContentEncoding: "base64"}
	case Direction:
		return &jsonschema.Schema{Type: "string", Enum: []any{"client-to-server", "server-to-client"}}
	case GRPCStatus:
		codes := &jsonschema.Schema{Type: "string"}
		for _, name := range grpcwire.CodeNames() {
			codes.Enum = append(codes.Enum, name)
		}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{codes, {Type: "integer", Minimum: "0"}}}
	case Regex:
		return described(text(), "A regular expression (RE2).")
	case Pattern:
		return described(text(), "A glob in which * is anything, or /regex/.")
	case When:
		return described(&jsonschema.Schema{Type: "string"}, "A filter expression, as `status:5xx and host:api`.")
	case HostPattern, PathPattern, FilePath, Passthrough:
		return &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
	case string:
		return text()
	case JSON, JSONCondition:
		return &jsonschema.Schema{}
	case Condition:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "boolean"}, list(text())}}
	case Headers:
		return &jsonschema.Schema{Type: "object", AdditionalProperties: list(text())}
	case HeaderChanges:
		return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{
			AnyOf: []*jsonschema.Schema{list(text()), {Type: "null"}},
		}}
	}
	return collection(t)
}

// collection returns the schema of a List or a Map.
func collection(t reflect.Type) *jsonschema.Schema {
	switch name := t.Name(); {
	case strings.HasPrefix(name, "List["):
		return list(leaf(t.Elem()))
	case strings.HasPrefix(name, "Map["):
		value, _ := t.Elem().FieldByName("Value")
		return &jsonschema.Schema{Type: "object", AdditionalProperties: leaf(value.Type)}
	default:
		return nil
	}
}

// exactlyOne says for each type that is a choice which of its keys are it.
var exactlyOne = map[string][]string{
	"Rule":        {"mock", "block", "modify", "map_local", "map_remote", "delay", "throttle", "fault", "frames", "tag"},
	"Field":       {"header", "query", "form", "cookie", "json", "regex"},
	"Block":       {"status", "close", "reset"},
	"BodyEdit":    {"text", "file", "base64", "json", "replace"},
	"FrameInject": {"text", "base64"},
	"GRPCMessage": {"json", "base64"},
	"PortBinding": {"target", "upstream", "replay", "raw"},
	"Fault":       {"close", "reset", "hang", "cut_after", "cut_after_events", "malformed_chunk", "dns", "tls", "status"},
}

// generate makes the schema from the types and their comments.
func generate(t *testing.T) []byte {
	t.Helper()
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Mapper: leaf,
	}
	if err := r.AddGoComments("github.com/necto-dev/necto/rules", ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&File{})
	s.ID = schemaID
	s.Title = "necto rules"
	for name, keys := range exactlyOne {
		for _, key := range keys {
			s.Definitions[name].OneOf = append(s.Definitions[name].OneOf, &jsonschema.Schema{Required: []string{key}})
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemaIsThatOfTheTypes(t *testing.T) {
	got := generate(t)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("schema.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(Schema()), string(got)); diff != "" {
		t.Errorf("schema.json is old: run make golden (-have +made):\n%s", diff)
	}
}

// validate checks YAML against the schema.
func validate(t *testing.T, s *validator.Schema, text []byte) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(document)
}

func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	document, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(schemaID, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaTakesTheExamples(t *testing.T) {
	s := compiled(t)
	for _, file := range exampleFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefusesWhatLoadingDoes(t *testing.T) {
	s := compiled(t)
	for name, data := range map[string]string{
		"an unknown key":   "{version: 1, rulez: []}",
		"no version":       "{rules: []}",
		"another version":  "{version: 2}",
		"no action":        "{version: 1, rules: [{name: x}]}",
		"two actions":      "{version: 1, rules: [{name: x, tag: a, block: {close: true}}]}",
		"no name":          "{version: 1, rules: [{tag: a}]}",
		"a bare duration":  "{version: 1, rules: [{name: x, mock: {delay: 50}}]}",
		"a status":         "{version: 1, rules: [{name: x, mock: {status: 99}}]}",
		"a status of gRPC": "{version: 1, rules: [{name: x, mock: {grpc: {status: NOTFOUND}}}]}",
		"no message":       "{version: 1, rules: [{name: x, mock: {grpc: {messages: [{after: 1s}]}}}]}",
		"a word":           "{version: 1, breakpoints: [{name: x, on: requests}]}",
	} {
		if err := validate(t, s, []byte(data)); err == nil {
			t.Errorf("%s: taken by the schema", name)
		}
		if _, err := Parse("rules.yaml", []byte(data)); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

// The validator that editors use is not the one in Go.
func TestSchemaTakesTheExamplesInAjv(t *testing.T) {
	const clients = "../testdata/clients"
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: the schema was NOT tested with ajv")
	}
	if _, err := os.Stat(filepath.Join(clients, "node_modules", "ajv")); err != nil {
		t.Skip("ajv is not installed (make test does): the schema was NOT tested with it")
	}
	args := append([]string{filepath.Join(clients, "schema.mjs"), "schema.json"}, exampleFiles(t)...)
	out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := fmt.Sprintf("%d valid\n", len(exampleFiles(t))); string(out) != want {
		t.Errorf("ajv says %q, want %q", out, want)
	}
	broken := write(t, t.TempDir(), "broken.yaml", "version: 1\nrulez: []\n")
	args = []string{filepath.Join(clients, "schema.mjs"), "schema.json", broken}
	if out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err == nil {
		t.Errorf("ajv takes an unknown key: %s", out)
	}
}
