package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// shapedSecrets are made up, and put together here so that nobody takes this file
// for one that has secrets.
var shapedSecrets = map[string]string{
	"jwt":          "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
	"aws-key":      "AKIA" + "IOSFODNN7EXAMPLE",
	"github-token": "ghp_" + strings.Repeat("a1B2", 9),
	"slack-token":  "xoxb-" + "123456789012-abcdefABCDEF",
	"stripe-key":   "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
	"google-key":   "AIza" + strings.Repeat("Sy0_-", 7),
	"private-key":  "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
}

func TestShapesOfSecretsAreFoundEverywhere(t *testing.T) {
	for name, secret := range shapedSecrets {
		x := typical(t)
		x.Request = x.Request.Clone()
		if !strings.Contains(secret, "\n") {
			x.Request.URL.Target = "/a/" + secret + "/b"
			x.Request.Header.Add("X-Note", "see "+secret+".")
		}
		x.ResponseBody = traffic.BodyOf([]byte(`{"note":` + mustJSON(secret) + `}`))
		frame := &traffic.Frame{Exchange: handshake(2), Seq: 1, Opcode: traffic.OpText, Fin: true, Payload: []byte("say " + secret + " now")}
		path, _ := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x}, traffic.WSOpened{Exchange: handshake(2)}, traffic.FrameSeen{Frame: frame})
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		quoted := mustJSON(secret)
		if bytes.Contains(raw, []byte(quoted[1:len(quoted)-1])) {
			t.Errorf("%s is left in %s", name, raw)
		}
		want := 4
		if strings.Contains(secret, "\n") {
			want = 2
		}
		if got := bytes.Count(raw, []byte("{{redacted:"+name+":")); got != want {
			t.Errorf("%s: %d marks, want %d, in %s", name, got, want, raw)
		}
		for line := range bytes.Lines(raw) {
			if !json.Valid(line) {
				t.Errorf("%s: not JSON: %s", name, line)
			}
		}
	}
}

func mustJSON(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string fails
	}
	return string(raw)
}

func TestWhatOnlyLooksLikeASecretStays(t *testing.T) {
	for _, text := range []string{
		"eyJust a word", "the AKIA prefix", "BASIC", "task_live_x", "xoxo", "ghp_short", "sk_test_", "AIza",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "{{redacted:jwt:9f86d081}}",
	} {
		if got := newRedactor().withoutShapes([]byte(text)); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestThePrefilterMissesNothing(t *testing.T) {
	for name, secret := range shapedSecrets {
		for _, text := range []string{secret, "x" + secret, "J_Ix" + secret + "x"} {
			if !mayHaveShape([]byte(text)) {
				t.Errorf("%s is missed in %q", name, text)
			}
		}
	}
}

func TestShapesOverTheEdgesOfWindows(t *testing.T) {
	secret := shapedSecrets["jwt"]
	r := newRedactor()
	want := strings.Repeat("word ", 40_000)
	for _, at := range []int{0, windowSize - 10, windowSize - maxShape - 3, windowSize, len(want)} {
		text := want[:at] + " " + secret + " " + want[at:]
		reader := r.cleanReader(iotest.HalfReader(strings.NewReader(text)))
		got, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		clean := string(r.withoutShapes([]byte(text)))
		if string(got) != clean || strings.Contains(clean, secret) {
			t.Errorf("at %d: %d bytes in place of %d", at, len(got), len(clean))
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(r.cleanReader(iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestLongTextInTheFolderIsCleanedToo(t *testing.T) {
	x := typical(t)
	x.ResponseBody = traffic.BodyOf([]byte(strings.Repeat("text ", 30_000) + shapedSecrets["stripe-key"]))
	x.Response.Header.Set("Content-Type", "text/html")
	path, _ := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	files, err := filepath.Glob(filepath.Join(BodiesDir(path), "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil || !bytes.Contains(content, []byte(" {{redacted:stripe-key:")) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

func TestPatterns(t *testing.T) {
	x := typical(t)
	x.Request = x.Request.Clone()
	x.Request.URL.Target = "/pay?account=4711&page=2"
	x.Request.Header.Add("x-tenant", "acme")
	x.Request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	x.RequestBody = traffic.BodyOf([]byte("iban=DE123&page=2"))
	x.ResponseBody = traffic.BodyOf([]byte(`{"card":{"number":"4111","list":[{"n":1},{"n":[2,"}"]}]},"number":"5","note":"order 99-17 sent"}`))
	path, _ := recorded(t, Options{Redact: []Pattern{
		{Header: "X-Tenant"},
		{Query: "account"},
		{Form: "iban"},
		{Cookie: "sid"},
		{JSON: "card.number"},
		{JSON: "card.list.#.n"},
		{Regex: `order (\d+-\d+)`},
	}}, traffic.ExchangeDone{Exchange: x})
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw = regexp.MustCompile(`:[0-9a-f]{8}\}\}`).ReplaceAll(raw, []byte("}}"))
	for _, want := range []string{
		`/pay?account={{redacted:account}}&page=2`, `["x-tenant","{{redacted:x-tenant}}"]`,
		`iban={{redacted:iban}}&page=2`,
		`{\"card\":{\"number\":\"{{redacted:number}}\",\"list\":[{\"n\":\"{{redacted:n}}\"},{\"n\":\"{{redacted:n}}\"}]},\"number\":\"5\",` +
			`\"note\":\"order {{redacted:regex}} sent\"}`,
	} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%s is missing in\n%s", want, raw)
		}
	}
}

func TestPatternsThatCannotBeUsed(t *testing.T) {
	for want, p := range map[string]Pattern{
		"redaction 1: one of header": {},
		"one of header":              {Header: "a", Query: "b"},
		"regex: error parsing":       {Regex: "("},
	} {
		_, err := Create(filepath.Join(t.TempDir(), "run.jsonl"), Options{Redact: []Pattern{p}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v", p, err)
		}
	}
}

func TestRedactorDoesWhatAWriterDoes(t *testing.T) {
	x := typical(t)
	x.Request = x.Request.Clone()
	x.Request.URL.Target = "/?token=abc"
	x.Request.Header.Add("Authorization", "Bearer abc")
	x.ResponseBody = traffic.BodyOf([]byte(`{"password":"abc","n":1}`))
	path, _ := recorded(t, Options{Redaction: "off"}, traffic.ExchangeDone{Exchange: x})
	r, err := NewRedactor(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	err = f.Scan(func(l Line) error {
		if l.Type != TypeHTTP {
			return nil
		}
		e, err := ParseEntry(l.Raw)
		if err != nil {
			return err
		}
		if !r.Entry(e) {
			t.Error("no secret was found")
		}
		if r.Entry(e) {
			t.Error("marks are taken for secrets")
		}
		digits := regexp.MustCompile(`:[0-9a-f]{8}\}\}`)
		got := []string{e.Request.URL, e.Request.Header.Get("Authorization"), string(e.Response.Body.Inline)}
		for i := range got {
			got[i] = digits.ReplaceAllString(got[i], "}}")
		}
		want := []string{"token={{redacted:token}}", "{{redacted:authorization}}", `{"password":"{{redacted:password}}","n":1}`}
		got[0] = got[0][strings.Index(got[0], "?")+1:]
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if e.Response.Body.Size != int64(len(e.Response.Body.Inline)) {
			t.Errorf("size %d of %d bytes", e.Response.Body.Size, len(e.Response.Body.Inline))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x",{"c":null}]}}`))
	f.Add([]byte(`data: {"a":{"b":"\"}"}}` + "\n\n"))
	f.Add([]byte(`[{"a":{"b":tru`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r := newRedactor()
		p, err := compilePatterns([]Pattern{{JSON: "a.b"}, {JSON: "#.a.*"}})
		if err != nil {
			t.Fatal(err)
		}
		r.use(p)
		got := r.withoutPaths(content)
		if json.Valid(content) && !json.Valid(got) {
			t.Errorf("%q became %q", content, got)
		}
		if again := r.withoutPaths(got); json.Valid(content) && !bytes.Equal(again, got) {
			t.Errorf("%q became %q", got, again)
		}
	})
}
