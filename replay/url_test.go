package replay

import (
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// keyOf returns the whole key of a GET.
func keyOf(t testing.TB, url string, masked bool) key {
	t.Helper()
	u, err := traffic.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return partialKey("GET", u.Target, digest{}, &tolerance{masked: masked}).at(placeKey(u))
}

func TestURLsThatAreTheSame(t *testing.T) {
	for name, urls := range map[string][2]string{
		"host case":          {"http://Example.COM/a", "http://example.com/a"},
		"scheme case":        {"HTTP://example.com/a", "http://example.com/a"},
		"default port":       {"http://example.com:80/a", "http://example.com/a"},
		"default port, TLS":  {"https://example.com:443/a", "https://example.com/a"},
		"no path":            {"http://example.com", "http://example.com/"},
		"unreserved escaped": {"http://example.com/%7euser/%61", "http://example.com/~user/a"},
		"escape case":        {"http://example.com/a%2fb", "http://example.com/a%2Fb"},
		"fragment":           {"http://example.com/a#top", "http://example.com/a"},
		"query order":        {"http://example.com/?b=2&a=1", "http://example.com/?a=1&b=2"},
		"query spelling":     {"http://example.com/?q=a%20b", "http://example.com/?q=a+b"},
		"empty query":        {"http://example.com/a?", "http://example.com/a"},
		"empty piece":        {"http://example.com/?a=1&&b=2&", "http://example.com/?a=1&b=2"},
		"IPv6":               {"http://[::1]:80/", "http://[::1]/"},
		"not an escape":      {"http://example.com/%zz%2", "http://example.com/%zz%2"},
	} {
		t.Run(name, func(t *testing.T) {
			if keyOf(t, urls[0], false) != keyOf(t, urls[1], false) {
				t.Errorf("%s and %s differ", urls[0], urls[1])
			}
		})
	}
}

func TestURLsThatDiffer(t *testing.T) {
	for name, urls := range map[string][2]string{
		"scheme":                 {"http://example.com/", "https://example.com/"},
		"port":                   {"http://example.com:8080/", "http://example.com/"},
		"other default port":     {"http://example.com:443/", "http://example.com/"},
		"path case":              {"http://example.com/A", "http://example.com/a"},
		"trailing slash":         {"http://example.com/a/", "http://example.com/a"},
		"escaped slash":          {"http://example.com/a%2Fb", "http://example.com/a/b"},
		"order of equal names":   {"http://example.com/?a=1&a=2", "http://example.com/?a=2&a=1"},
		"query value":            {"http://example.com/?a=1", "http://example.com/?a=2"},
		"split of query":         {"http://example.com/?a=1&b=2", "http://example.com/?a=1%26b=2"},
		"escaped plus":           {"http://example.com/?q=a%2Bb", "http://example.com/?q=a+b"},
		"path and query":         {"http://example.com/a?b", "http://example.com/a%3Fb"},
		"host and port confused": {"http://[::1:80]/", "http://[::1]:80/"},
		"secret, not redacted":   {"http://example.com/?token=1", "http://example.com/?token=2"},
	} {
		t.Run(name, func(t *testing.T) {
			if keyOf(t, urls[0], false) == keyOf(t, urls[1], false) {
				t.Errorf("%s and %s are the same", urls[0], urls[1])
			}
		})
	}
}

func TestURLMasksSecrets(t *testing.T) {
	recorded := keyOf(t, "http://h/?access_token=%7B%7Bredacted:access_token:12345678%7D%7D&a=1", true)
	if recorded != keyOf(t, "http://h/?a=1&access_token=live", true) {
		t.Error("a live secret does not match its mark")
	}
	if recorded == keyOf(t, "http://h/?a=1", true) {
		t.Error("a secret that is missing matches")
	}
	if recorded == keyOf(t, "http://h/?a=2&access_token=live", true) {
		t.Error("another value matches")
	}
}

// FuzzURL checks that a normal form is its own normal form, and that pairs stay
// apart.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{"/a/%7e%2f%zz", "/?a=1;b=2&c=%zz", "/%2f|", "*", "/?&=&a", "/%", "/%e4%f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		once := appendPath(nil, target)
		if twice := appendPath(nil, string(once)); string(once) != string(twice) && !nestsEscape(target) {
			t.Errorf("%q becomes %q becomes %q", target, once, twice)
		}
		first, second := partialKey("GET", target, digest{}, &tolerance{masked: true}), partialKey("GET", target, digest{}, &tolerance{masked: true})
		if first != second {
			t.Error("the key is not stable")
		}
		pairs := splitPairs(nil, target)
		if n := len(appendPairs(nil, target, new(tolerance), nil)); n < 2*len(pairs) {
			t.Errorf("%d pairs in %d bytes", len(pairs), n)
		}
		nearbyOf(target)
		safeURL(target)
	})
}

// nestsEscape reports whether undoing an escape can make a new one, as in
// "%%341": that is no URL, and the key need only be stable.
func nestsEscape(s string) bool {
	for i := range len(s) {
		if _, ok := escaped(s[i:]); s[i] == '%' && !ok {
			return true
		}
	}
	return false
}

func BenchmarkKey(b *testing.B) {
	for name, url := range map[string]string{
		"plain": "https://api.example.com/v1/orders/list",
		"query": "https://api.example.com/v1/orders?page=2&expand=items&limit=100",
	} {
		b.Run(name, func(b *testing.B) {
			u, err := traffic.ParseURL(url)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = partialKey("GET", u.Target, digest{}, &tolerance{masked: true}).at(placeKey(u))
			}
		})
	}
}
