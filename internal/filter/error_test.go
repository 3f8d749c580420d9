package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/filter"
)

func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		expr       string
		column     int
		text, hint string
	}{
		{"hots:api and ws", 1, `there is no field "hots"`, "did you mean host?"},
		{"ws and stauts:4xx", 8, `there is no field "stauts"`, "did you mean status?"},
		{"localhost:8080", 1, `there is no field "localhost"`, "to search URLs for it, put it in quotes"},
		{"status:", 8, "the value is missing", ""},
		{"status: 200", 8, "the value is missing", ""},
		{"status:6x", 8, `"6x" is not a status code`, ""},
		{"status:1000", 8, `"1000" is not a status code`, ""},
		{"status:299-200", 8, `is not a status code`, ""},
		{"status:200,x", 12, `"x" is not a status code`, ""},
		{"status~4", 7, `status does not take "~"`, "it takes : = != > >= < <="},
		{"host>3", 5, `host does not take ">"`, "it takes : = != ~"},
		{"dir>in", 4, `dir does not take ">"`, "it takes : = !="},
		{"header!=x", 7, `header does not take "!="`, "write header:name=value"},
		{"json~x", 5, `json does not take "~"`, "write json:path=value"},
		{"header:", 8, "the name of what header to look at is missing", ""},
		{"header:a,b", 9, "header takes one name", "join two terms by or"},
		{"header:a>b", 10, `"b" is not a number`, ""},
		{"dur>1parsec", 5, `"1parsec" is not a duration`, ""},
		{"size>1parsec", 6, `"1parsec" is not a size`, ""},
		{"port:http", 6, `"http" is not a port`, ""},
		{"id:/1/", 4, `"1" is not a number`, ""},
		{"dir:inn", 5, `"inn" is no direction`, "did you mean in?"},
		{"opcode:txt", 8, `"txt" is no opcode`, "did you mean text?"},
		{"opcode:16", 8, `"16" is no opcode`, ""},
		{"url~a(b", 6, "the parenthesis is not closed", "goes in quotes"},
		{"url~[a", 5, "the regular expression is wrong: missing closing ]", "RE2"},
		{`body:"a`, 6, `the quote " has no end`, ""},
		{"(ws", 1, "the parenthesis is not closed", ""},
		{"ws)", 3, "the parenthesis was not opened", ""},
		{"ws and", 7, "the expression ends where a term is missing", ""},
		{"not", 4, "the expression ends where a term is missing", ""},
		{"()", 2, `a term is missing before ")"`, ""},
		{"or ws", 1, `a term is missing before "or"`, ""},
		{"ws and and ws", 8, `a term is missing before "and"`, ""},
		{">500", 1, `a field is missing before ">"`, ""},
		{"~websokcet", 1, `there is no operator "~websokcet"`, "did you mean websocket?"},
		{"~u:a", 3, `the operator "~u" goes on with ":"`, "a space goes between"},
		{"héllo (", 8, "the expression ends where a term is missing", ""},
		{strings.Repeat("(", 201), 201, "the expression nests more than 200 deep", ""},
		{strings.Repeat("a", 8193), 8193, "the expression has 8193 bytes, more than 8192", ""},
		{"url~" + strings.Repeat("a", 1025), 5, "the regular expression has 1025 bytes, more than 1024", ""},
	}
	for _, test := range tests {
		_, err := filter.Parse(test.expr)
		var syntax *filter.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.40s: error %v", test.expr, err)
			continue
		}
		if syntax.Column != test.column || !strings.Contains(syntax.Text, test.text) ||
			!strings.Contains(syntax.Hint, test.hint) || test.hint == "" && syntax.Hint != "" || syntax.Expr != test.expr {
			t.Errorf("%.40s: column %d, %q, %q", test.expr, syntax.Column, syntax.Text, syntax.Hint)
		}
	}
}

func TestErrorShowsThePlace(t *testing.T) {
	_, err := filter.Parse("ws\tand hots:api")
	want := `there is no field "hots"
  ws and hots:api
         ^
  did you mean host?`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	_, err = filter.Parse(strings.Repeat("a ", 100) + "hots:b" + strings.Repeat(" a", 100))
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if len(line) > 80 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	lines := strings.Split(err.Error(), "\n")
	if caret := strings.Index(lines[2], "^"); !strings.HasPrefix(lines[1][caret:], "hots:b") {
		t.Errorf("the caret is elsewhere:\n%s", err)
	}
}

func TestStringIsOneSpelling(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"", "all"},
		{"WS h:api", "ws and host:api"},
		{"a b or c, d", "a and b or c or d"},
		{"(a or b) c", "(a or b) and c"},
		{"((a and b)) or (c or d)", "a and b or c or d"},
		{"a && (b c)", "a and b and c"},
		{"-(a b) !c", "not (a and b) and not c"},
		{"not not ws", "not not ws"},
		{"status >= 500", "status>=500"},
		{`m:get,"post" op:1`, `method:get,"post" and opcode:1`},
		{"header=x-id header:a=b", "header:x-id and header:a=b"},
		{"~u 'a b' & ~hq x ~c 404 ~websocket", "url~'a b' and hq~x and status=404 and ws"},
		{"/re/i", "/re/i"},
	}
	for _, test := range tests {
		got := parse(t, test.expr).String()
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.expr, got, test.want)
		}
		if again := parse(t, got).String(); again != got {
			t.Errorf("%s: becomes %s", got, again)
		}
	}
}
