package filter_test

import (
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// parse parses an expression that has to be right.
func parse(t testing.TB, expr string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return f
}

// check compares what expressions say, one a line, with what they should.
func check(t *testing.T, subject func() *filter.Subject, want bool, exprs string) {
	t.Helper()
	for expr := range strings.SplitSeq(strings.TrimSpace(exprs), "\n") {
		if got := parse(t, strings.TrimSpace(expr)).Match(subject()); got != want {
			t.Errorf("%s: got %v, want %v", expr, got, want)
		}
	}
}

func TestFieldsOfAnExchange(t *testing.T) {
	check(t, order, true, `
		all
		method:post
		m=POST
		method!=GET
		method:GET,POST
		method~^p
		method:/^POST$/
		host:api
		h:EXAMPLE
		host:example.com
		host:.example.com
		host:api.example.com:443
		host:*.example.com
		host:api.example.co?
		host=api.example.com
		host!=example.com
		host~^api\.
		host:/EXAMPLE/i
		url:/v1/ORDERS
		u:https://api
		url:com/v1
		url=https://api.example.com/v1/orders?expand=Items&page=2
		url:/v1/*page=
		url~orders\?.*page=2$
		orders
		https://api.example.com
		"expand=items"
		'PAGE=2'
		*.example.com/v?/nothing or /v1/*
		/v1.orders/
		/V1.ORDERS/i
		path:/v1/orders
		path=/V1/orders
		path:/v1/
		path~^/v1/[a-z]{3,9}$
		path!=/v1
		status:404
		s:4xx
		status:4XX
		status:200,404
		status:400-499
		status:5xx,404
		status=404
		status!=200
		status!=5xx,200
		status>399
		status >= 404
		status<=404
		status < 405
		status>3xx
		status<5xx
		type:json
		type=json
		type=application/json
		type=application/problem+json
		type:application/*
		type~problem
		dur>500ms
		dur>=604.5ms
		dur=604.5ms
		dur<1s
		dur<700
		dur:1s or dur<1m
		size>2000
		size=2048
		size:2KiB
		size<1MB
		size!=1
		ip:203.0.113.7
		ip:127.0.0.0/8
		ip:127.0
		ip=203.0.113.7
		ip~^203
		ip:10.0.0.0/8,203.0.113.0/24
		port:443
		port:400-500
		port!=80
		proto:1.1
		proto:http/1
		id:7
		id:1,7
		id>6
		conn:3
		rule:slow
		rule="slow orders"
		tag:checkout
		tag!=warmup
		comment:slow
		session:01KAHQ2V
		session=01kahq2v7m6q9z4b8n3t5r1xcd`)
	check(t, order, false, `
		not all
		method:PO
		method=GET
		method!=POST
		method:/post/
		host:xample.com
		host:*.com.example
		host:api.example.com:80
		host=example.com
		host:*example
		host:/EXAMPLE/
		host:"*.example.com"
		url:"/v1/*page="
		url=/v1/orders
		nowhere
		/V1.ORDERS/
		path:expand
		path=/v1
		status:5xx
		status:200,500
		status!=404
		status>404
		status>4xx
		status<4xx
		type:html
		type=problem
		type!=json
		dur>1s
		dur>604.5ms
		size>2048
		size!=2048
		ip:10.0.0.0/8
		ip!=203.0.113.7
		port:80
		proto:2
		id:1,2
		rule:fast
		tag!=checkout
		comment:fast
		session:zz`)
}

func TestHeaderFields(t *testing.T) {
	check(t, order, true, `
		header:x-id
		header=x-id
		hq:x-id
		hs:set-cookie
		header:content-type=json
		header:content-type:problem
		hs:content-type="application/problem+json; charset=utf-8"
		header:x-id=ABC-17
		header:x-id~^a
		header:x-id:c-1
		header:x-id!=abc
		header:set-cookie=b=2
		header:set-cookie:nothing,b=
		header:content-length>2000
		header:content-length<=2048
		header:"X-Id"=abc-17
		header~^set-cookie:.a
		hs~"problem.json; charset"
		not hs:x-id`)
	check(t, order, false, `
		header:x-other
		header:x-other!=1
		hs:x-id
		hq:set-cookie
		hq:content-type=html
		header:x-id=abc
		header:x-id!=abc-17
		header:x-id>3
		header:set-cookie!=a=1
		header:content-length>2048
		hq~set-cookie`)
}

func TestContent(t *testing.T) {
	check(t, order, true, `
		body:a1
		body:"NO SUCH ítem"
		bq:"\"item\": \"A1\""
		bs:sorry
		body~^..error
		body:/A1/
		body:/a1/i
		body!=x
		json:item
		json:item=a1
		json:item:a
		json:item~^.1$
		json:item!=a2
		json:count=3
		json:count=3.0
		json:count>2
		json:count<=3
		json:none=null
		json:lines.1.sku=y
		json:lines.#.sku=y
		json:lines.#.sku=z,x
		json:lines.#(sku=="y").sku=y
		json:lines.#(sku=="y")
		json:"lines.0.sku"=x
		json:error:sorry
		(json:lines.#(sku=="y") and body:a1)`)
	check(t, order, false, `
		body:a2
		body:/a1/
		bs:a1
		bq:sorry
		json:items
		json:item=a
		json:item!=a1
		json:missing!=1
		json:count>3
		json:count="3.0"
		json:item>1
		json:lines.#.sku=z`)
	noContent := func() *filter.Subject { return &filter.Subject{Exchange: order().Exchange} }
	check(t, noContent, false, "body:a1\nbody!=a1\njson:item\nbody:\"\"")
	notJSON := func() *filter.Subject {
		return &filter.Subject{
			Exchange: order().Exchange,
			Content:  func(traffic.Direction) []byte { return []byte("{\"a\":1}\n{\"a\":2}\n") },
		}
	}
	check(t, notJSON, true, "json:..#.a=2\nnot json:a")
}

func TestJoining(t *testing.T) {
	check(t, order, true, "\t\nhttp or nowhere and nowhere"+`
		https and not path:/health and dur>500ms
		nowhere or http
		nowhere || http
		nowhere | http
		nowhere, http
		nowhere,http
		http && orders & https
		HTTP AND NOT nowhere
		!nowhere
		-nowhere
		- nowhere
		-(nowhere or ws)
		not(ws)
		not not http
		(http)(orders)
		(http or nowhere) orders
		status:500||http
		host:nowhere,api
		status:500, http
		host:"nowhere",'api'
		path:/v1/orders(x) or http`)
	check(t, order, false, `
		http nowhere
		http and (nowhere or ws)
		not http or ws
		ws, nowhere`)
	check(t, order, true, "")
}

func TestAliasesOfMitmproxy(t *testing.T) {
	check(t, order, true, `
		~u orders
		~m POST
		~m post & ~u "v1.orders"
		~s
		!~q
		~c 404
		~d example
		~h "x-id: abc"
		~hq x-id
		~hs set-cookie
		~t json
		~b a1
		~bq A1
		~bs sorry
		~http
		~all
		~comment slow
		!(~e | ~tcp | ~websocket | ~replay)`)
	check(t, order, false, "~q\n~c 200\n~hs x-id\n~m GET")
}

func TestContentIsAskedOnceAndOnlyIfNeeded(t *testing.T) {
	asked := [2]int{}
	s := order()
	content := s.Content
	s.Content = func(dir traffic.Direction) []byte {
		asked[dir]++
		return content(dir)
	}
	parse(t, "host:api or body:a1").Match(s)
	if asked != [2]int{} {
		t.Errorf("content was asked for %v times", asked)
	}
	f := parse(t, "body:nowhere or json:nowhere or bq:a1")
	f.Match(s)
	f.Match(s)
	if asked != [2]int{1, 1} {
		t.Errorf("content was asked for %v times", asked)
	}
}

func TestNeedsContent(t *testing.T) {
	for _, expr := range []string{"body:a", "bq:a", "bs:a", "json:a", "text:a", "frame:a", "ws or not body:a", "~b a", "~bs a"} {
		if !parse(t, expr).NeedsContent() {
			t.Errorf("%s needs content", expr)
		}
	}
	for _, expr := range []string{"", "url:a", "header:a=b", "size>1", "close:1000", "type:json", "body"} {
		if parse(t, expr).NeedsContent() {
			t.Errorf("%s needs no content", expr)
		}
	}
}
