package fleet

import (
	"encoding/json"
	"errors"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// latin1 marks text from the wire that is not UTF-8: each character stands for the
// byte of its number, as in recordings.
const latin1 = "latin1"

// wireText is text as it was sent: a string or, where that is not UTF-8, a list of it
// and latin1.
type wireText string

// MarshalJSON implements json.Marshaler.
func (t wireText) MarshalJSON() ([]byte, error) {
	if jsonenc.IsUTF8(t) {
		return jsonenc.AppendQuoted(nil, t), nil
	}
	return append(jsonenc.AppendLatin1([]byte{'['}, t), `,"`+latin1+`"]`...), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *wireText) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '[' {
		return json.Unmarshal(text, (*string)(t))
	}
	var marked []string
	if err := json.Unmarshal(text, &marked); err != nil {
		return err
	}
	if len(marked) != 2 || marked[1] != latin1 {
		return errNotText
	}
	var err error
	*t, err = fromLatin1(marked[0])
	return err
}

var (
	errNotText  = errors.New("a text is neither a string nor one marked as " + latin1)
	errNotField = errors.New("a field is not a name and a value")
)

// fromLatin1 returns the bytes that the characters of s stand for.
func fromLatin1(s string) (wireText, error) {
	plain := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", errNotText
		}
		plain = append(plain, byte(r))
	}
	return wireText(plain), nil
}

// wireFields are fields as recordings have them: [["Name","value"],...], with latin1
// as a third element of those that are not UTF-8.
type wireFields traffic.Fields

// MarshalJSON implements json.Marshaler.
func (fs wireFields) MarshalJSON() ([]byte, error) {
	dst := []byte{'['}
	for i, f := range fs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if jsonenc.IsUTF8(f.Name) && jsonenc.IsUTF8(f.Value) {
			dst = append(jsonenc.AppendQuoted(append(dst, '['), f.Name), ',')
			dst = append(jsonenc.AppendQuoted(dst, f.Value), ']')
			continue
		}
		dst = append(jsonenc.AppendLatin1(append(dst, '['), f.Name), ',')
		dst = append(jsonenc.AppendLatin1(dst, f.Value), `,"`+latin1+`"]`...)
	}
	return append(dst, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler. What it is given is JSON.
func (fs *wireFields) UnmarshalJSON(text []byte) error {
	list := gjson.ParseBytes(text)
	if !list.IsArray() && list.Type != gjson.Null {
		return errNotField
	}
	*fs = nil
	var err error
	list.ForEach(func(_, one gjson.Result) bool {
		var f traffic.Field
		if f, err = fieldIn(one); err == nil {
			*fs = append(*fs, f)
		}
		return err == nil
	})
	return err
}

// fieldIn returns a field of a list.
func fieldIn(one gjson.Result) (traffic.Field, error) {
	var texts [3]string
	n := 0
	one.ForEach(func(_, text gjson.Result) bool {
		if text.Type != gjson.String || n == len(texts) {
			n = 0
			return false
		}
		texts[n] = text.Str
		n++
		return true
	})
	switch {
	case one.IsArray() && n == 2:
		return traffic.Field{Name: texts[0], Value: texts[1]}, nil
	case !one.IsArray() || n != 3 || texts[2] != latin1:
		return traffic.Field{}, errNotField
	}
	name, nameErr := fromLatin1(texts[0])
	value, valueErr := fromLatin1(texts[1])
	return traffic.Field{Name: string(name), Value: string(value)}, errors.Join(nameErr, valueErr)
}

// wireURL is a traffic.URL.
type wireURL struct {
	Scheme    string   `json:"scheme"`
	Authority wireText `json:"authority"`
	Target    wireText `json:"target"`
}

func urlOf(u traffic.URL) wireURL {
	return wireURL{Scheme: u.Scheme, Authority: wireText(u.Authority), Target: wireText(u.Target)}
}

func (w wireURL) url() traffic.URL {
	return traffic.URL{Scheme: w.Scheme, Authority: string(w.Authority), Target: string(w.Target)}
}
