package proxy

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// FuzzParseMetadata holds that an object says the same in base64url, and that what is
// neither is one tag.
func FuzzParseMetadata(f *testing.F) {
	f.Add(`{"tags":["checkout","run 7"]}`)
	f.Add(`{"tags":"checkout"}`)
	f.Add("checkout")
	f.Add("eyJ0YWdzIjpbImEiXX0=")
	f.Fuzz(func(t *testing.T, password string) {
		tags, err := parseMetadata(password)
		if err != nil && tags != nil {
			t.Errorf("tags %q with the error %v", tags, err)
		}
		encoded := base64.RawURLEncoding.EncodeToString([]byte(password))
		if strings.HasPrefix(password, "{") {
			again, err2 := parseMetadata(encoded)
			if !slices.Equal(tags, again) || (err == nil) != (err2 == nil) {
				t.Errorf("%q, %v, in base64url %q, %v", tags, err, again, err2)
			}
		} else if strings.ContainsAny(password, " !") && (err != nil || !slices.Equal(tags, []string{password})) {
			t.Errorf("%q, %v", tags, err) // it cannot be base64url
		}
	})
}
