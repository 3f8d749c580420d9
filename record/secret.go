package record

import (
	"bytes"
	"strings"
)

const (
	// minSecretName is the length of the shortest name of a secret.
	minSecretName = 3
	// maxSecretName is how much of a name is looked at, from its end on, in
	// letters and digits. It holds every name below.
	maxSecretName = 48
)

// secretNames are the names of secrets, written without separators in lower
// case. They are matched whole, because as endings they would hit too much.
var secretNames = nameSet(`
	auth xauth authorization proxyauthorization authentication credential credentials bearer jwt xjwt
	pass pwd passcode otp totp mfacode cvv cvc
	sid session sessid sessionkey phpsessid jsessionid
	sig xamzsignature xamzcredential xgoogsignature xgoogcredential
	assertion clientassertion samlresponse samlrequest cookie setcookie`)

// secretEndings are how the names of secrets end: access_token, X-Api-Key,
// userPassword.
var secretEndings = []string{
	"token", "password", "passwd", "passphrase", "secret", "authorization", "sessionid",
	"apikey", "accesskey", "accesskeyid", "secretkey", "privatekey", "signingkey", "encryptionkey",
	"subscriptionkey", "authkey", "jwtassertion",
}

// openNames end like secrets and are none: they say where a list goes on or
// how text was cut up.
var openNames = nameSet(`
	pagetoken nextpagetoken prevpagetoken previouspagetoken nexttoken continuationtoken
	nextcontinuationtoken synctoken nextsynctoken resumetoken cancellationtoken`)

// secret is one of the names above.
type secret struct {
	name  string
	whole bool // not as an ending
}

// secretTable has the names above in the order they are looked for.
type secretTable struct {
	// byLetter has them by their last letter, from a on.
	byLetter [26][]secret
	// pairs tells for the last two letters of a name, from a on, whether it can
	// be one of them: most keys of JSON can be told by that.
	pairs [26][26]bool
}

var secrets = func() (t secretTable) {
	add := func(s secret) {
		before, last := s.name[len(s.name)-2]-'a', s.name[len(s.name)-1]-'a'
		t.byLetter[last] = append(t.byLetter[last], s)
		t.pairs[before][last] = true
	}
	for name := range secretNames {
		add(secret{name: name, whole: true})
	}
	for _, name := range secretEndings {
		add(secret{name: name})
	}
	return t
}()

func nameSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// mayBeSecret is a quick look at how a name ends. It is right where it says no.
func mayBeSecret[S ~string | ~[]byte](name S) bool {
	if len(name) < minSecretName {
		return false
	}
	before, last := name[len(name)-2], name[len(name)-1]
	if isSeparator(before) || isSeparator(last) || isDigit(last) {
		return true
	}
	before, last = (before|0x20)-'a', (last|0x20)-'a' // lower case; what is no letter is above 25
	return before < 26 && last < 26 && secrets.pairs[before][last]
}

// isSeparator reports whether c may stand between the words of a name.
func isSeparator(c byte) bool {
	return c == '-' || c == '_' || c == '.' || c == '[' || c == ']'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsSecret reports whether a header field, query parameter, form field or JSON
// key of that name holds a secret: a token, a password, a session, and the
// fields Authorization, Proxy-Authorization, Cookie and Set-Cookie. Case, "-" and
// "_" do not matter, nor do digits at the end (password2, token[0]); of a path
// like user[password] or user.password the last part counts. A recording made
// with redaction has marks in place of such values, so whoever compares with it
// can only ask whether they are there.
func IsSecret(name string) bool { return isSecret(name) }

// isSecret reads a name from its end, because that is what tells: names that
// frameworks make for form fields can be long in front.
func isSecret[S ~string | ~[]byte](name S) bool {
	if !mayBeSecret(name) {
		return false
	}
	var plain [maxSecretName]byte
	start := len(plain)
	for i := len(name) - 1; i >= 0 && start > 0; i-- {
		c := name[i]
		switch {
		case c == '-' || c == '_' || c == ']':
			continue
		case start == len(plain) && (c == '[' || c == '.' || isDigit(c)):
			continue // a part that is empty or a number: password[], token[0]
		case c == '[' || c == '.':
			return isSecretPlain(plain[start:])
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		start--
		plain[start] = c
	}
	return isSecretPlain(plain[start:])
}

// isSecretPlain is isSecret for a name without separators in lower case.
func isSecretPlain(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	last := name[len(name)-1] - 'a'
	if last >= 26 {
		return false
	}
	for _, s := range secrets.byLetter[last] {
		if rest, ok := bytes.CutSuffix(name, []byte(s.name)); ok && (len(rest) == 0 || !s.whole) {
			return !openNames[string(name)]
		}
	}
	return false
}
