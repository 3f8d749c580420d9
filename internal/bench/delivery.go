//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// deliveryRow compares what gets to n subscribers from necto's event server and
// from that of Node.js that it is compatible with.
func deliveryRow(n int) row {
	name := strconv.Itoa(n)
	title := "entries published to " + name + " subscribers"
	if n == 1 {
		title = "entries published to one subscriber"
	}
	return row{
		name: "delivery" + name, title: title, op: "entry",
		subjects: []subject{
			{nodeEvents, startNode(loadDelivery(n))},
			{nectoEvents, startHelper("events", loadDelivery(n))},
		},
		targets: []target{atLeast(rateFigure, nectoEvents, nodeEvents, 1)},
	}
}

// loadDelivery subscribes n clients.
func loadDelivery(n int) loader {
	return func(*lab, *process, *process) (load, error) {
		return deliveryLoad{subscribers: n, of: newBatches()}, nil
	}
}

// startNode starts socket.io of Node.js.
func startNode(what loader) starter {
	return func(ctx context.Context, l *lab, origin *process) (*contender, error) {
		program, modules, err := findSocketIO()
		if err != nil {
			return nil, err
		}
		file := l.file("ready")
		p, err := startProcess(ctx, readyFile(file), "env", "NODE_PATH="+modules, program, "socketio.cjs", file,
			string(publishedEntry(0)), strconv.Itoa(publishedEntries), strconv.Itoa(batchEntries), strconv.Itoa(waitingBatches))
		if err != nil {
			return nil, err
		}
		return contend(l, origin, p, what)
	}
}

// findSocketIO returns Node.js and the folder of the packages that the tests of
// necto use, which make installs.
func findSocketIO() (program, modules string, err error) {
	if program, err = exec.LookPath("node"); err != nil {
		return "", "", fmt.Errorf("socket.io: %w: %w", errUnavailable, err)
	}
	modules, err = filepath.Abs(filepath.Join("..", "..", "testdata", "clients", "node_modules"))
	if err != nil {
		return "", "", err
	}
	_, err = os.Stat(filepath.Join(modules, "socket.io"))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("socket.io: %w: install it with npm ci in testdata/clients", errUnavailable)
	}
	return program, modules, err
}
