package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// partName is the name of a part: its first seq, so that names sort as lines do.
const partName = "%020d.jsonl"

// part is a file of lines that follow each other, and a folder for their bodies.
type part struct {
	path string
	// first is the seq of its first line. The rest is guarded by spool.mu while it
	// is written: how many lines it has, the bytes of those, and the bytes in the
	// folder.
	first, lines uint64
	size, bodies int64
	// safe is the seq behind the last line that is on the disk itself, 0 for none, and
	// syncing says that others are on their way there.
	safe    uint64
	syncing bool
	// sent says that Redis has it.
	sent bool
}

func newPart(dir string, first uint64) *part {
	return &part{path: filepath.Join(dir, fmt.Sprintf(partName, first)), first: first}
}

// folder is where the bodies are.
func (p *part) folder() string { return strings.TrimSuffix(p.path, ".jsonl") + ".bodies" }

// end is the seq behind the last line.
func (p *part) end() uint64 { return p.first + p.lines }

// sync writes the part and its bodies to the disk itself. What was removed meanwhile
// is not missed.
func (p *part) sync() error {
	err := unlessMissing(syncFile(p.path))
	entries, dirErr := os.ReadDir(p.folder())
	err = errors.Join(err, unlessMissing(dirErr))
	for _, entry := range entries {
		err = errors.Join(err, unlessMissing(syncFile(filepath.Join(p.folder(), entry.Name()))))
	}
	if len(entries) > 0 {
		err = errors.Join(err, unlessMissing(syncDir(p.folder())))
	}
	return errors.Join(err, unlessMissing(syncDir(filepath.Dir(p.path))))
}

// syncFile writes to the disk itself what the system has of a file.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove removes the part and its bodies.
func (p *part) remove() error {
	return errors.Join(os.RemoveAll(p.folder()), unlessMissing(os.Remove(p.path)))
}

// countBodies returns how many bytes and files the folder has, if lines may have
// added to it, else what was known.
func (p *part) countBodies(lines []byte) (size int64, files int, err error) {
	if !bytes.Contains(lines, []byte(fileMember)) {
		return p.bodies, 0, nil
	}
	entries, err := os.ReadDir(p.folder())
	if err != nil {
		return 0, 0, unlessMissing(err) // content may name a file
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			size += info.Size()
		}
	}
	return size, len(entries), nil
}

// findParts returns the parts of a spool that nobody writes any more. A last line
// that was cut off does not count.
func findParts(dir string) ([]*part, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	var parts []*part
	for _, entry := range entries {
		digits, ok := strings.CutSuffix(entry.Name(), ".jsonl")
		first, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		p := newPart(dir, first)
		if err := p.measure(); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// measure counts the whole lines of a part.
func (p *part) measure() error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	for offset := int64(0); ; {
		n, err := f.Read(buf)
		p.lines += uint64(bytes.Count(buf[:n], []byte{'\n'}))
		if last := bytes.LastIndexByte(buf[:n], '\n'); last >= 0 {
			p.size = offset + int64(last) + 1
		}
		offset += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
