package rules

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/yamldoc"
)

// Load reads rules files, and of folders their *.yaml and *.yml files in the
// order of their names, and puts them together in the order given. What is wrong
// with their content is a *LoadError that has it all; other errors are of the
// file system.
func Load(paths ...string) (*Set, error) {
	files, err := expand(paths)
	if err != nil {
		return nil, err
	}
	j := newJoiner()
	for _, name := range files {
		data, err := readFile(name)
		if err != nil {
			return nil, err
		}
		root, err := os.OpenRoot(filepath.Dir(name))
		if err != nil {
			return nil, err
		}
		j.add(decodeFile(name, data, root, j.problems))
		if err := root.Close(); err != nil {
			return nil, err
		}
	}
	return j.result()
}

// Parse reads one file's content. name is for positions; files that rules name
// are beside it, and are not looked for. The error is a *LoadError.
func Parse(name string, data []byte) (*Set, error) {
	j := newJoiner()
	j.add(decodeFile(name, data, nil, j.problems))
	return j.result()
}

// expand replaces folders by the rules files in them.
func expand(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
		found := len(files)
		for _, e := range entries {
			if isRulesFile(e.Name()) && !e.IsDir() {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
		if len(files) == found {
			return nil, fmt.Errorf("rules: no *.yaml or *.yml file in %s", path)
		}
	}
	return files, nil
}

// isRulesFile reports whether a file of a folder is loaded with it. What editors
// put beside a file while they write begins with a dot.
func isRulesFile(name string) bool {
	ext := filepath.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".")
}

// readFile reads a file of bounded size.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return data, nil
}

// decodeFile decodes one file. What it returns is not to be used if there are
// problems.
func decodeFile(name string, data []byte, root *os.Root, problems *LoadError) *File {
	d := &decoder{file: name, root: root, problems: problems}
	file := new(File)
	top := yaml.Node{Line: 1, Column: 1}
	if len(data) > maxFileSize {
		d.problem(&top, "a rules file has at most %d bytes", maxFileSize)
		return file
	}
	content, err := yamldoc.Parse(data)
	switch {
	case content != nil:
		d.value(content, reflect.ValueOf(file).Elem())
	case err == nil:
		d.problem(&top, "the file is empty; it begins with `version: 1`")
	}
	if err != nil {
		d.problem(&yaml.Node{Line: err.Line, Column: err.Column}, "%s", err.Text)
	}
	return file
}
