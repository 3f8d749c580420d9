package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/rules"
)

// rulesFlags are the flags of commands that obey rules.
type rulesFlags struct{ paths []string }

func (f *rulesFlags) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.paths, "rules", nil, "obey the rules in `file`, or in the files of a folder, and follow their changes; repeatable")
}

// obey puts the rules in force that the user has named, and keeps them up to date
// until close. Without any it returns nil, whose methods do nothing.
// protos describe messages of gRPC for them, nil for none.
func (f *rulesFlags) obey(io stdio, status *status, protos *protoset.Set) (*obeyedRules, error) {
	if len(f.paths) == 0 {
		return nil, nil
	}
	set, err := loadRules(f.paths, protos)
	if err != nil {
		err = rulesError(io, err)
		if _, told := errors.AsType[*usageError](err); !told {
			err = usagef("--rules: %w", err)
		}
		return nil, err
	}
	o := &obeyedRules{status: status, store: rules.NewStore(set), told: set}
	o.engine = rules.NewEngine(o.store, status.log())
	o.engine.Protos = protos
	o.watcher, err = rules.Watch(f.paths, o.store, rules.WatchOptions{
		Check: func(set *rules.Set) error { return set.CheckCalls(protos) },
		Changed: func(set *rules.Set, changes []rules.Change) {
			o.applyLists()
			status.note("rules reloaded: %s", changesText(changes, o.listsChanged(set)))
			o.publisher.Load().rulesChanged(changes)
		},
		Failed: func(err error) { tellFailedReload(status, err) },
	})
	return o, err
}

// loadRules returns the rules in files, which must be of use with the descriptions of
// gRPC that there are.
func loadRules(paths []string, protos *protoset.Set) (*rules.Set, error) {
	set, err := rules.Load(paths...)
	if err == nil {
		err = set.CheckCalls(protos)
	}
	return set, err
}

// obeyedRules are rules in force.
type obeyedRules struct {
	status  *status
	store   *rules.Store
	engine  *rules.Engine
	watcher *rules.Watcher
	// publisher is told what changes, nil for none.
	publisher atomic.Pointer[publisher]
	// told is the set that the user was told about last; the watcher's.
	told *rules.Set

	mu    sync.Mutex // guards apply, and is held while those are called
	apply []func() error
}

// complete lets a proxy obey the rules, before all that it has for layers.
func (o *obeyedRules) complete(options *proxy.Options) {
	if o == nil {
		return
	}
	options.Layers = slices.Insert(options.Layers, 0, proxy.Layer(o.engine.Layer))
	options.Frames = o.engine.Frames
	options.PassthroughNow = o.passthrough
}

// passthrough returns the hosts whose TLS the rules files leave closed.
func (o *obeyedRules) passthrough() []string {
	entries := o.store.Set().Passthrough()
	hosts := make([]string, len(entries))
	for i, e := range entries {
		hosts[i] = string(e)
	}
	return hosts
}

// release lets go what breakpoints hold, and nothing is held any more.
func (o *obeyedRules) release() {
	if o != nil {
		o.engine.Hits().Close()
	}
}

// close ends the watching.
func (o *obeyedRules) close() {
	if o != nil {
		_ = o.watcher.Close() // nothing was written
	}
}

// tellFailedReload tells why changed files are not in force.
func tellFailedReload(status *status, err error) {
	wrong, ok := errors.AsType[*rules.LoadError](err)
	if !ok {
		status.note("rules not reloaded, those before stay in force: %v", err)
		return
	}
	n := len(wrong.Problems) + wrong.More
	status.note("rules not reloaded, those before stay in force: %s", english.Plural(n, "problem", ""))
	for _, p := range wrong.Problems {
		status.note("%s", oneLine(p.String()))
	}
}

// shownChanges is how many changes are told one by one.
const shownChanges = 5

// listsChanged returns the names of the lists that are not the same in a set as in the
// one before it.
func (o *obeyedRules) listsChanged(set *rules.Set) []string {
	was := o.told
	o.told = set
	var changed []string
	for _, list := range [...]struct {
		name string
		same bool
	}{
		{"redact", slices.Equal(redactionOf(was), redactionOf(set))},
		{"ignore", slices.Equal(ignoredIn(was.Ignore()), ignoredIn(set.Ignore()))},
		{"passthrough", slices.Equal(was.Passthrough(), set.Passthrough())},
	} {
		if !list.same {
			changed = append(changed, list.name)
		}
	}
	return changed
}

// changesText says what has changed about rules, and of which lists there are others.
func changesText(changes []rules.Change, lists []string) string {
	if len(changes)+len(lists) == 0 {
		return "no rule has changed"
	}
	var texts []string
	for _, c := range changes[:min(len(changes), shownChanges)] {
		if c.Name == "" {
			texts = append(texts, string(c.Kind))
			continue
		}
		texts = append(texts, fmt.Sprintf("%q %s", c.Name, c.Kind))
	}
	if more := len(changes) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	for _, name := range lists {
		texts = append(texts, name+" changed")
	}
	return strings.Join(texts, ", ")
}
