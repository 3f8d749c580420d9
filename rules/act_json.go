package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/necto-dev/necto/internal/jsondoc"
)

// errNotJSON says that content to be edited as JSON is none.
var errNotJSON = errors.New("content is no JSON")

// apply returns the edited document.
func (e *JSONEdit) apply(doc []byte) ([]byte, error) {
	if !jsondoc.Valid(doc) {
		return nil, errNotJSON
	}
	var err error
	for _, path := range e.Remove {
		if doc, err = sjson.DeleteBytes(doc, path); err != nil {
			return nil, fmt.Errorf("remove %s: %w", path, err)
		}
	}
	for _, p := range e.Set {
		if doc, err = sjson.SetRawBytes(doc, p.Name, p.Value); err != nil {
			return nil, fmt.Errorf("set %s: %w", p.Name, err)
		}
	}
	if len(e.Merge) == 0 {
		return doc, nil
	}
	return mergePatch(doc, e.Merge)
}

// maxJSONIndex bounds the index of an array in a path: what is between is filled
// in with null.
const maxJSONIndex = 10_000

// checkPaths reports paths that nothing can be set at.
func (e *JSONEdit) checkPaths(c *check) {
	for _, p := range e.Set {
		if err := checkJSONPath(p.Name); err != nil {
			c.problem("set", "%v", err)
		}
	}
	for _, path := range e.Remove {
		if err := checkJSONPath(path); err != nil {
			c.problem("remove", "%v", err)
		}
	}
}

// checkJSONPath returns an error for a path that nothing can be set at.
func checkJSONPath(path string) error {
	for segment := range strings.SplitSeq(path, ".") {
		if n, err := strconv.Atoi(segment); err == nil && n > maxJSONIndex {
			return fmt.Errorf("path %.60q: an index is at most %d", path, maxJSONIndex)
		}
	}
	if _, err := sjson.SetRaw("{}", path, "null"); err != nil {
		return fmt.Errorf("path %.60q: %w", path, err)
	}
	return nil
}

// mergePatch applies a merge patch (RFC 7396).
func mergePatch(doc, patch []byte) ([]byte, error) {
	if !gjson.ParseBytes(patch).IsObject() {
		return patch, nil // it replaces the document
	}
	if !gjson.ParseBytes(doc).IsObject() {
		doc = []byte("{}")
	}
	return jsonpatch.MergePatch(doc, patch)
}
