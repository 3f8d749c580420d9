package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// card is what a running event server tells other programs of its user: a file
// named for its port that nobody else can read.
type card struct {
	PID int `json:"pid"`
	// URL is http://host:port.
	URL   string `json:"url"`
	Token string `json:"token"`

	path string // "" if there is no file
}

// cardFolder returns the folder of cards: where the system keeps what lives as long
// as the user's session, or else what can be made again.
func cardFolder() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "necto"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "necto", "run"), nil
}

// leaveCard writes a card. On an error the one it returns has no file.
func leaveCard(c card) (*card, error) {
	dir, err := cardFolder()
	if err != nil {
		return &c, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &c, err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return &c, err
	}
	data, err := json.Marshal(c)
	if err != nil {
		return &c, err
	}
	path := filepath.Join(dir, u.Port()+".json")
	if err := replaceFile(path, append(data, '\n')); err != nil { // 0600, as of os.CreateTemp
		return &c, err
	}
	c.path = path
	return &c, nil
}

// remove removes the file, before anybody else can have the port.
func (c *card) remove() {
	if c.path != "" {
		_ = os.Remove(c.path) // a stale card does no harm: its token is worth nothing
	}
}

// errNoServer says that there is no event server to be found.
var errNoServer = errors.New("no event server is running")

// findServer returns the card of the event server at address, http://host:port or
// host:port, or of the only one there is if address is "". A server that has left
// no card has an empty token.
func findServer(address string) (card, error) {
	cards := readCards()
	if address == "" {
		return onlyServer(cards)
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return card{}, usagef("%q is no address of an event server", address).hinted("write http://host:port, such as http://%s", defaultEvents)
	}
	c := card{URL: u.Scheme + "://" + u.Host, Token: u.Query().Get("token")}
	i := slices.IndexFunc(cards, func(other card) bool { return sameServer(other.URL, u) })
	if c.Token == "" && i >= 0 {
		c.Token = cards[i].Token
	}
	return c, nil
}

// onlyServer returns the only card there is.
func onlyServer(cards []card) (card, error) {
	switch len(cards) {
	case 0:
		return card{}, withHint(errNoServer, "start one with `necto serve`, or name the one you mean: http://host:port")
	case 1:
		return cards[0], nil
	}
	urls := make([]string, len(cards))
	for i, c := range cards {
		urls[i] = c.URL
	}
	return card{}, usagef("there are several event servers: %s", strings.Join(urls, ", ")).hinted("name the one you mean")
}

// sameServer reports whether two URLs name the same port of this machine, so that
// no token is sent elsewhere.
func sameServer(address string, u *url.URL) bool {
	other, err := url.Parse(address)
	return err == nil && other.Port() == u.Port() && (other.Hostname() == u.Hostname() || isThisMachine(u.Hostname()))
}

// isThisMachine reports whether a host name is one of those for the loopback.
func isThisMachine(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, host)
}

// readCards returns the cards of servers that still run.
func readCards() []card {
	dir, err := cardFolder()
	if err != nil {
		return nil
	}
	paths, err := fs.Glob(os.DirFS(dir), "*.json")
	if err != nil {
		return nil
	}
	var cards []card
	for _, name := range paths {
		if c, err := readCard(filepath.Join(dir, name)); err == nil && isRunning(c.PID) {
			cards = append(cards, c)
		}
	}
	return cards
}

func readCard(path string) (card, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return card{}, err
	}
	c := card{path: path}
	if err := json.Unmarshal(data, &c); err != nil {
		return card{}, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}
