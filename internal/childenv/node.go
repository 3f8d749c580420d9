package childenv

import (
	_ "embed"
	"strings"
)

//go:embed node-proxy.cjs
var nodeProxy []byte

// addNode makes Node.js use the proxy: new releases by a variable, old ones by
// a script.
func (b *builder) addNode() error {
	b.set("NODE_USE_ENV_PROXY", "1")
	script, err := b.write("node-proxy.cjs", nodeProxy, 0o644)
	if err != nil {
		return err
	}
	b.extend("NODE_OPTIONS", "--require "+nodeOption(script))
	return nil
}

// nodeOption quotes a value as Node.js reads NODE_OPTIONS: a backslash is an
// escape only within double quotes.
func nodeOption(value string) string {
	if !strings.ContainsAny(value, ` "`) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
