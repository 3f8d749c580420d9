package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/rules"
)

// frameRules edit each message on its way to the origin and undo that on its way
// back, and send messages of their own whose echo they drop: the client sees the
// conversation as if there were no rules, and nobody may lose sync.
const frameRules = `
version: 1
rules:
  - name: both ways
    frames:
      - {match: {dir: client-to-server, json: {type: price}}, json: {set: {value: 0}}}
      - {match: {dir: server-to-client, json: {type: price, value: 0}}, json: {set: {value: 7}}}
      - {match: {dir: client-to-server, text: '*"n":*5,*'}, inject: {dir: client-to-server, text: '{"type":"noise"}'}}
      - {match: {dir: server-to-client, json: {type: noise}}, drop: true}
      - {match: {dir: client-to-server, text: hello}, replace: HELLO}
      - {match: {dir: server-to-client, text: HELLO}, replace: hello}
`

func TestFrameRulesInCompressedConversations(t *testing.T) {
	plain, secure := nectest.NewOrigin(t), nectest.NewTLSOrigin(t)
	for _, client := range wsClients {
		if client.name != "gorilla" && client.name != "coder" && client.name != "node" {
			continue
		}
		t.Run(client.name, func(t *testing.T) {
			if missing := client.missing(); missing != "" {
				t.Skipf("%s is not installed: %s was NOT tested as a client", missing, client.name)
			}
			t.Parallel()
			authority, err := ca.Load(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			set, err := rules.Parse("rules.yaml", []byte(frameRules))
			if err != nil {
				t.Fatal(err)
			}
			p := wsProxy{authority: authority, plain: plain, secure: secure, rules: rules.NewEngine(rules.NewStore(set), nil)}
			p.start(t)
			messages := pricedMessages(1000)
			client.call(t, wsCall{
				url: "wss://" + nectest.OriginHost + "/ws/deflate", proxy: p.forward, ca: authority,
				messages: messages, deflate: true,
			})
			p.stop(t)
			// Each fourth message is as it was; of each tenth the number ends in 5.
			checkFrameCounts(t, p.recording, map[string]int{
				`"edited":true`: 2 * len(messages) * 3 / 4, `"injected":true`: len(messages) / 10, `"dropped":true`: len(messages) / 10,
			})
		})
	}
}

// pricedMessages returns messages of which three of four are edited by frameRules.
func pricedMessages(n int) []wsMessage {
	messages := make([]wsMessage, n)
	for i := range messages {
		data := fmt.Sprintf(`{"type":"price","n":%d,"text":%q,"value":7}`, i, strings.Repeat("lorem ipsum ", i%60))
		switch i % 4 {
		case 1:
			data = strings.Replace(data, "price", "other", 1)
		case 2:
			if i%10 != 5 {
				data = "hello"
			}
		}
		messages[i] = wsMessage{Data: []byte(data), Parts: 1 + i%2}
	}
	return messages
}

// checkFrameCounts counts the lines of a recording that have a member.
func checkFrameCounts(t *testing.T, recording string, want map[string]int) {
	t.Helper()
	lines, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	for member, n := range want {
		if got := bytes.Count(lines, []byte(member)); got != n {
			t.Errorf("%d frames with %s, want %d", got, member, n)
		}
	}
}
