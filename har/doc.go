// Package har writes and reads HTTP Archives (HAR 1.2), what browsers and their
// tools exchange traffic in (docs/har.md says what necto puts where).
//
//	w, err := har.Create("run.har", har.Options{Version: "1.0.0"})
//	...
//	err = w.Write(&har.Entry{Started: time.Now(), Request: ..., Response: ...})
//	...
//	err = w.Close()
//
// An [Entry] has every member of HAR 1.2 and those members of other tools that
// necto understands, as Go values: instants instead of text, content instead of
// base64. What it does not know is kept in the Extra of each object, so that a
// file that is read and written again says what it said.
//
// The package knows HAR and nothing else: the zero value of a member is written
// as HAR wants it, but what an entry says is its maker's. [RequestCookies],
// [ResponseCookies], [QueryString], [FormParams], [Timings.Total] and
// [ResourceType] derive the members that repeat others.
//
// # Strings
//
// JSON is UTF-8, headers and URLs need not be. A string that is not UTF-8 is
// written with each of its bytes as the character of that number (Latin-1);
// content that is not UTF-8 is written as base64.
package har
