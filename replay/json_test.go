package replay

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestJSONEqual(t *testing.T) {
	for name, texts := range map[string][2]string{
		"member order":      {`{"a":1,"b":[true,null]}`, `{ "b" : [ true , null ], "a":1 }`},
		"nested order":      {`[{"x":{"a":1,"b":2}}]`, `[{"x":{"b":2,"a":1}}]`},
		"escapes":           {`{"\u0061\/\n":"\ud83d\ude00"}`, "{\"a/\\u000a\":\"😀\"}"},
		"number spelling":   {`[1.0,1e2,-0,0.5e1,12300]`, `[1,100,0,5,1.23e4]`},
		"large integers":    {`[9007199254740993]`, `[9007199254740993.0]`},
		"space around":      {" [] \n", "[]"},
		"duplicate members": {`{"a":1,"a":2}`, `{"a":2,"a":1}`},
		"sequences":         {`{"a":1,"b":2}` + "\n[]\n", `{"b":2,"a":1}[ ]`},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := mustHash(t, texts[0]), mustHash(t, texts[1]); a != b {
				t.Errorf("%s and %s differ", texts[0], texts[1])
			}
		})
	}
}

func TestJSONDiffers(t *testing.T) {
	for name, texts := range map[string][2]string{
		"array order":          {`[1,2]`, `[2,1]`},
		"past float64":         {`[9007199254740992]`, `[9007199254740993]`},
		"string and number":    {`["1"]`, `[1]`},
		"string and literal":   {`["true"]`, `[true]`},
		"literals":             {`[true]`, `[false]`},
		"sequence and array":   {`{} {}`, `[{},{}]`},
		"sequence order":       {`{"a":1}{"a":2}`, `{"a":2}{"a":1}`},
		"sequence length":      {`{} {}`, `{}`},
		"null and absent":      {`{"a":null}`, `{}`},
		"empty containers":     {`{}`, `[]`},
		"nesting":              {`[[1],2]`, `[[1,2]]`},
		"lone surrogates":      {`["\ud800"]`, `["\ud801"]`},
		"surrogate and U+FFFD": {`["\ud800"]`, `["\ufffd"]`},
		"swapped values":       {`{"a":1,"b":2}`, `{"a":2,"b":1}`},
		"duplicate members":    {`{"a":1,"a":1}`, `{"a":1}`},
		"sign":                 {`[-1]`, `[1]`},
		"exponent":             {`[1e10]`, `[1e11]`},
		"huge exponents":       {`[1e99999999999]`, `[1e99999999998]`},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := mustHash(t, texts[0]), mustHash(t, texts[1]); a == b {
				t.Errorf("%s and %s are the same", texts[0], texts[1])
			}
		})
	}
}

func TestJSONMasksSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"value":           {`{"password":"x"}`, `{"password":"{{redacted:password:12345678}}"}`, true},
		"number":          {`{"password":1234}`, `{"password":"{{redacted:password:12345678}}"}`, true},
		"presence":        {`{"password":"x"}`, `{}`, false},
		"null stays":      {`{"password":null}`, `{"password":"x"}`, false},
		"object stays":    {`{"password":{"v":1}}`, `{"password":{"v":2}}`, false},
		"open value":      {`{"user":"a"}`, `{"user":"b"}`, false},
		"not by its hash": {`{"password":"x","a":1}`, `{"password":"y","a":2}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, ok1 := hashJSON([]byte(c.a), &tolerance{masked: true})
			b, ok2 := hashJSON([]byte(c.b), &tolerance{masked: true})
			if !ok1 || !ok2 || (a == b) != c.same {
				t.Errorf("same = %v, want %v", a == b, c.same)
			}
		})
	}
	if a, b := mustHash(t, `{"password":"x"}`), mustHash(t, `{"password":"y"}`); a == b {
		t.Error("secrets are masked in a recording that is not redacted")
	}
}

func TestJSONRefuses(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `[1,]`, `{"a"}`, `{"a":}`, `{a:1}`, `[1 2]`, `[nullx]`, `[]]`, `1`, `"text"`, `["\x"]`, `["\u12"]`, "[\"\n\"]", `[01]`, `[1.]`, `[.5]`, `[+1]`, `[1e]`, `[tru]`, `[-]`, `["`, `{"a":1,}`,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		strings.Repeat(`{"a":`, 1<<16),
	} {
		if _, ok := hashJSON([]byte(text), &tolerance{}); ok {
			t.Errorf("%.40s is taken for JSON", text)
		}
	}
	if _, ok := hashJSON([]byte(strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)), &tolerance{}); !ok {
		t.Errorf("nesting of %d is refused", maxDepth)
	}
}

// FuzzJSON checks that what is valid is what encoding/json takes for valid, and
// that the order of members does not matter.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,{"b":"\u00e9\ud83d\ude00"}],"token":"x"}`, `[1e400,-0.0]`, `"\ud800"`, `{"a":1,"a":2}`} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		d, ok := hashJSON(text, &tolerance{})
		valid := json.Valid(text)
		if container := bytes.TrimLeft(text, " \t\r\n"); valid && len(container) > 0 && (container[0] == '{' || container[0] == '[') && !ok && !isDeep(text) {
			t.Fatal("valid JSON is refused")
		}
		if !ok || !valid { // a sequence is no JSON text
			return
		}
		shuffled := shuffle(rand.New(rand.NewPCG(seed, 0)), text)
		if again, ok := hashJSON(shuffled, &tolerance{}); !ok || again != d {
			t.Fatalf("%s and %s differ", text, shuffled)
		}
	})
}

func isDeep(text []byte) bool {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		deepest = max(deepest, depth)
	}
	return deepest > maxDepth
}

// shuffle returns a valid JSON text with the members of its objects in another
// order, their spelling untouched.
func shuffle(r *rand.Rand, text []byte) []byte {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	token, err := decoder.Token()
	if err != nil {
		return text
	}
	var parts []string
	switch token {
	case json.Delim('{'):
		for decoder.More() {
			// Token would unescape the name; RawMessage keeps it, but only of
			// values, so the name is cut from the text.
			start := decoder.InputOffset()
			if _, err := decoder.Token(); err != nil {
				return text
			}
			name := strings.TrimLeft(string(text[start:decoder.InputOffset()]), " \t\r\n,")
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil {
				return text
			}
			parts = append(parts, name+":"+string(shuffle(r, value)))
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return []byte("{" + strings.Join(parts, " , ") + "}")
	case json.Delim('['):
		for decoder.More() {
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil {
				return text
			}
			parts = append(parts, string(shuffle(r, value)))
		}
		return []byte("[" + strings.Join(parts, " ,") + "]")
	}
	return text
}

func mustHash(t *testing.T, text string) digest {
	t.Helper()
	d, ok := hashJSON([]byte(text), &tolerance{})
	if !ok {
		t.Fatalf("%.80s is not taken for JSON", text)
	}
	return d
}

func BenchmarkHashJSON(b *testing.B) {
	text := []byte(`{"items":[` + strings.Repeat(`{"id":12345,"name":"a name of some length","price":12.50,"tags":["a","b"]},`, 100) + `{}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := hashJSON(text, &tolerance{masked: true}); !ok {
			b.Fatal("not JSON")
		}
	}
}
