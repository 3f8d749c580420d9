package replay

import (
	"strings"
	"testing"
)

// TestWhatUsersHaveRedactedCountsByPresence wherever its mark is, although nothing
// but the recording says that it was a secret.
func TestWhatUsersHaveRedactedCountsByPresence(t *testing.T) {
	const number = "{{redacted:number:12345678}}"
	tests := map[string]struct{ recorded, same, other string }{
		"JSON":           {`{"card":{"number":"` + number + `"},"n":1}`, `{"card":{"number":4111},"n":1}`, `{"card":{"number":4111},"n":2}`},
		"not there":      {`{"card":{"number":"` + number + `"}}`, `{"card":{"number":"4"}}`, `{"card":{}}`},
		"part of a text": {`{"note":"call ` + number + ` now"}`, `{"note":"call 5551234 now"}`, `{"memo":"call 5551234 now"}`},
		"list":           {`{"cards":["` + number + `","` + number + `"]}`, `{"cards":["4111","4222"]}`, `{"cards":["4111"]}`},
		"object":         {`{"card":"` + number + `"}`, `{"card":"4111"}`, `{"card":{"a":1}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{}, write(t, "auto", post(jsonType, text(test.recorded), "paid")))
			header := fields{{"Content-Type", jsonType}}
			for body, want := range map[string]string{test.same: "paid", test.other: "501", test.recorded: "paid"} {
				if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, body)); got != want {
					t.Errorf("%s: got %s, want %s", body, got, want)
				}
			}
			open := load(t, Options{}, write(t, "off", post(jsonType, text(test.recorded), "paid")))
			if got := answerTo(t, open, newRequest(t, "POST", "http://h/", header, test.same)); got != "501" {
				t.Errorf("not redacted: got %s", got)
			}
		})
	}
}

func TestMarksInQueriesAndForms(t *testing.T) {
	const pairs = "iban=%7B%7Bredacted:iban:12345678%7D%7D&a=1"
	x := load(t, Options{}, write(t, "auto", get("/pay?"+pairs, "query"), post(formType, text(pairs), "form"), get("/clear?iban=DE2", "clear")))
	for target, want := range map[string]string{
		"/pay?iban=DE1&a=1": "query", "/pay?a=1": "501", "/pay?iban=DE1&a=2": "501",
		"/clear?iban=DE2": "clear", "/clear?iban=DE3": "501", // which is not redacted there
	} {
		if got := asked(t, x, "http://h"+target); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	req := newRequest(t, "POST", "http://h/", fields{{"Content-Type", formType}}, "a=1&iban=DE1")
	if got := answerTo(t, x, req); got != "form" {
		t.Errorf("form: got %s", got)
	}
}

// TestMarksAreNoDifference where a miss says what differs.
func TestMarksAreNoDifference(t *testing.T) {
	x := load(t, Options{}, write(t, "auto",
		post(jsonType, text(`{"card":"{{redacted:card:12345678}}","n":1}`), "paid")))
	req := newRequest(t, "POST", "http://h/", fields{{"Content-Type", jsonType}}, `{"card":"4111","n":2}`)
	_, body := ask(t, x, req)
	if !strings.Contains(body, "json.n") || strings.Contains(body, "card") {
		t.Errorf("the miss says %s", body)
	}
}
