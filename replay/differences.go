package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxDifferences is how many differences of one candidate are listed.
const maxDifferences = 5

// How far away a difference puts a candidate.
const (
	farMethod = 100
	farOrigin = 60
	farPath   = 40
	farQuery  = 10
	farBody   = 3
)

// differences collects how a recorded request differs from one that missed.
type differences struct {
	tolerance *tolerance
	handshake bool // volatile parts of the query are not compared
	lines     []string
	more      int // that lines has no room for
	distance  int
}

// none is how something that is not there is shown.
const none = "none"

// add notes that name was recorded as one text and came as another.
func (d *differences) add(far int, name, recorded, got string) {
	d.distance += far
	if len(d.lines) == maxDifferences {
		d.more++
		return
	}
	d.lines = append(d.lines, fmt.Sprintf("%s: recorded %s, got %s", clip(printable(name), 100), shown(recorded), shown(got)))
}

// shown makes a value fit into a line.
func shown(value string) string { return clip(printable(value), 60) }

func (d *differences) list() []string {
	if d.more > 0 {
		return append(d.lines, fmt.Sprintf("and %d more", d.more))
	}
	return d.lines
}

// protocol compares what was asked for, a WebSocket connection or an answer.
func (d *differences) protocol(recorded, got bool) {
	name := map[bool]string{false: "http", true: "websocket"}
	if recorded != got {
		d.add(farMethod, "protocol", name[recorded], name[got])
	}
	d.handshake = recorded && got
}

// head compares all that stands before the query.
func (d *differences) head(method string, u traffic.URL, got request, anywhere bool) {
	if method != got.method {
		d.add(farMethod, "method", method, got.method)
	}
	if !anywhere && placeKey(u) != placeKey(got.url) {
		d.add(farOrigin, "origin", u.Scheme+"://"+u.Authority, got.url.Scheme+"://"+got.url.Authority)
	}
	recorded, came := appendPath(nil, u.Path()), appendPath(nil, got.url.Path())
	if !bytes.Equal(recorded, came) {
		d.add(farPath, "path", string(recorded), string(came))
	}
}

// query compares the queries.
func (d *differences) query(recorded, got traffic.URL) {
	if d.handshake {
		recorded.Target, got.Target = steadyTarget(recorded.Target), steadyTarget(got.Target)
	}
	was, _ := recorded.Query()
	is, _ := got.Query()
	d.pairs("query.", farQuery, was, is, d.tolerance.query)
}

// pairs compares two queries or forms name by name.
func (d *differences) pairs(prefix string, far int, recorded, got string, ignored map[string]bool) {
	was, is := groupPairs(recorded), groupPairs(got)
	for _, name := range names(was, is) {
		a, b := was[name], is[name]
		if slices.Equal(a, b) || ignored[name] || d.tolerance.masked && areRedacted(a, b) {
			continue
		}
		if !record.IsSecret(name) {
			d.add(far, prefix+name, joined(a), joined(b))
		} else if !d.tolerance.masked || len(a) != len(b) {
			d.add(far, prefix+name, secretText(len(a) > 0, false), secretText(len(b) > 0, len(a) > 0))
		}
	}
}

func groupPairs(s string) map[string][]string {
	groups := map[string][]string{}
	for _, p := range splitPairs(nil, s) {
		groups[p.name] = append(groups[p.name], p.value)
	}
	return groups
}

// names returns the names that are in either map, sorted.
func names[V any](a, b map[string]V) []string {
	var all []string
	for name := range a {
		all = append(all, name)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func joined(values []string) string {
	switch {
	case len(values) == 0:
		return none
	case len(values) == 1 && values[0] == "":
		return `""`
	}
	return strings.Join(values, ", ")
}

// secretText stands for a value that must not be shown.
func secretText(present, afterOther bool) string {
	switch {
	case !present:
		return none
	case afterOther:
		return "another"
	}
	return "a value"
}

// body compares the contents: the parts of JSON and forms, else size only.
func (d *differences) body(f *record.File, recorded record.EntryRequest, u traffic.URL, got request) {
	was, err := recordedContent(f, recorded, u, d.tolerance)
	switch {
	case recorded.Body != nil && recorded.Body.Truncated:
		d.add(farBody, "body", "truncated", sized(got.content))
		return
	case err == nil && was.digest == got.content.digest:
		return
	case err == nil && was.kind == got.content.kind && max(was.size, got.content.size) <= maxShown && d.parts(was, got.content):
		return
	}
	d.add(farBody, "body", sized(was), sized(got.content))
}

// parts compares contents of the same kind part by part. It returns false if it
// found no difference.
func (d *differences) parts(was, is content) bool {
	before := d.distance
	switch was.kind {
	case kindForm:
		d.pairs("form.", farBody, string(was.text), string(is.text), d.tolerance.form)
	case kindJSON:
		a, errA := decodeJSON(was.text)
		b, errB := decodeJSON(is.text)
		if errA == nil && errB == nil {
			d.json("json", a, b, d.tolerance.json, false, false)
		}
	case kindCall:
		d.calls(was, is)
	default: // nothing smaller to compare
	}
	return d.distance > before
}

func decodeJSON(text []byte) (v any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&v)
	return v, err
}

// json compares two values. hidden ones are below a secret name and not shown;
// named ones are its very value. What ignored leads to is not compared.
func (d *differences) json(path string, was, is any, ignored paths, hidden, named bool) {
	switch a := was.(type) {
	case map[string]any:
		if b, ok := is.(map[string]any); ok {
			for _, name := range names(a, b) {
				secret := record.IsSecret(name)
				if rest, ends := ignored.below(name); !ends {
					d.json(path+"."+name, member(a, name), member(b, name), rest, hidden || secret, secret)
				}
			}
			return
		}
	case []any:
		if b, ok := is.([]any); ok {
			for i := range max(len(a), len(b)) {
				name := strconv.Itoa(i)
				if rest, ends := ignored.below(name); !ends {
					d.json(path+"."+name, element(a, i), element(b, i), rest, hidden, false)
				}
			}
			return
		}
	}
	switch {
	case isSame(was, is):
	case d.tolerance.masked && (named || isMarked(was)) && isRedacted(was) && isRedacted(is):
	case hidden:
		d.add(farBody, path, secretText(was != absent{}, false), secretText(is != absent{}, was != absent{}))
	default:
		d.add(farBody, path, jsonText(was), jsonText(is))
	}
}

// isSame compares values of which at most one is an object or array.
func isSame(was, is any) bool {
	a, ok1 := was.(json.Number)
	b, ok2 := is.(json.Number)
	if ok1 && ok2 {
		return bytes.Equal(appendNumber(nil, []byte(a)), appendNumber(nil, []byte(b)))
	}
	return jsonText(was) == jsonText(is)
}

// absent stands for a value that is not there.
type absent struct{}

func member(object map[string]any, name string) any {
	if v, ok := object[name]; ok {
		return v
	}
	return absent{}
}

func element(array []any, i int) any {
	if i < len(array) {
		return array[i]
	}
	return absent{}
}

// isRedacted reports whether a recording has a mark in place of a secret value
// of this type.
func isRedacted(v any) bool {
	switch v.(type) {
	case string, json.Number:
		return true
	}
	return false
}

// isMarked reports whether a recording has a mark in a value.
func isMarked(v any) bool {
	text, ok := v.(string)
	return ok && hasMark(text)
}

// jsonText returns a value as it is shown: objects and arrays by their kind
// only.
func jsonText(v any) string {
	switch v := v.(type) {
	case absent:
		return none
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case json.Number:
		return v.String()
	case string:
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}

func sized(c content) string {
	if c.size == 0 {
		return none
	}
	return strconv.FormatInt(c.size, 10) + " bytes"
}
