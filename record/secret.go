package record

import "strings"

// maxSecretName bounds the names looked at, in letters and digits: longer ones
// are not names people give to secrets.
const maxSecretName = 48

// secretNames are the names of secrets, written without separators in lower
// case. They are matched whole, because as endings they would hit too much.
var secretNames = nameSet(`
	auth authorization proxyauthorization authentication credential credentials bearer jwt
	pass pwd pw passcode otp totp mfacode cvv cvc
	sid session sessid sessionkey phpsessid jsessionid
	sig xamzsignature xamzcredential xgoogsignature xgoogcredential
	clientassertion samlresponse samlrequest jwtassertion cookie setcookie`)

// secretEndings are how the names of secrets end: access_token, X-Api-Key,
// userPassword.
var secretEndings = []string{
	"token", "password", "passwd", "passphrase", "secret", "authorization", "sessionid",
	"apikey", "accesskey", "accesskeyid", "secretkey", "privatekey", "signingkey", "encryptionkey",
	"subscriptionkey", "authkey",
}

// openNames end like secrets and are none: they say where a list goes on or
// how text was cut up.
var openNames = nameSet(`
	pagetoken nextpagetoken prevpagetoken previouspagetoken nexttoken continuationtoken
	nextcontinuationtoken synctoken nextsynctoken resumetoken cancellationtoken`)

// lastLetters is how the names above end; most names can be told by that.
var lastLetters = endings()

func nameSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

func endings() (last [256]bool) {
	mark := func(name string) {
		c := name[len(name)-1]
		last[c], last[c-'a'+'A'] = true, true
	}
	for name := range secretNames {
		mark(name)
	}
	for _, name := range secretEndings {
		mark(name)
	}
	last[']'] = true // user[password]
	return last
}

// IsSecret reports whether a header field, query parameter, form field or JSON
// key of that name holds a secret: a token, a password, a session, and the
// fields Authorization, Proxy-Authorization, Cookie and Set-Cookie. Case, "-" and
// "_" do not matter; of a path like user[password] or user.password the last
// part counts. A recording made with redaction has marks in place of such
// values, so whoever compares with it can only ask whether they are there.
func IsSecret(name string) bool { return isSecret(name) }

func isSecret[S ~string | ~[]byte](name S) bool {
	if len(name) < 2 || !lastLetters[name[len(name)-1]] {
		return false
	}
	var plain [maxSecretName]byte
	n := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c == '-' || c == '_' || c == ']':
			continue
		case c == '[' || c == '.':
			n = 0
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if n == len(plain) {
			return false
		}
		plain[n] = c
		n++
	}
	return isSecretPlain(plain[:n])
}

func isSecretPlain(name []byte) bool {
	if secretNames[string(name)] {
		return true
	}
	for _, ending := range secretEndings {
		if len(name) >= len(ending) && string(name[len(name)-len(ending):]) == ending {
			return !openNames[string(name)]
		}
	}
	return false
}
