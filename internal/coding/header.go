package coding

import "strings"

// Parse returns the codings that the values of Content-Encoding fields list, in
// the order they were applied, in lower case. identity and empty elements are
// left out; nil means that nothing was applied.
func Parse(values []string) []string {
	var codings []string
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			name := strings.ToLower(strings.Trim(element, " \t"))
			if name != "" && name != "identity" {
				codings = append(codings, name)
			}
		}
	}
	return codings
}

// Accepts reports whether a client that sent these values of Accept-Encoding
// takes content in coding (RFC 9110 section 12.5.3). Without the field, that is
// with no values, it takes everything; an empty value leaves only identity.
func Accepts(values []string, coding string) bool {
	if len(values) == 0 {
		return true
	}
	coding = canonical(strings.ToLower(coding))
	byStar, star := false, false
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(element, ";")
			switch canonical(strings.ToLower(strings.Trim(name, " \t"))) {
			case coding:
				return !isZeroWeight(params)
			case "*":
				star, byStar = true, !isZeroWeight(params)
			}
		}
	}
	if star {
		return byStar
	}
	return coding == "identity"
}

// canonical returns the name x-gzip is an alias of (RFC 9110 section 8.4.1.3).
func canonical(coding string) string {
	if coding == "x-gzip" {
		return "gzip"
	}
	return coding
}

// isZeroWeight reports whether the parameters of an element have a weight of
// zero: "q=0", "q=0.000".
func isZeroWeight(params string) bool {
	name, weight, ok := strings.Cut(strings.Trim(params, " \t"), "=")
	if !ok || !strings.EqualFold(strings.Trim(name, " \t"), "q") {
		return false
	}
	weight = strings.Trim(weight, " \t")
	return strings.HasPrefix(weight, "0") && strings.Trim(weight, "0.") == ""
}
