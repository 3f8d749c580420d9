package rules

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// indexFile is what a folder is answered with.
const indexFile = "index.html"

// errNeedsSlash says that a folder was asked for without a slash behind it, from
// where the links in its index file would lead elsewhere.
var errNeedsSlash = errors.New("a folder needs a slash")

// answer answers a request from a file. What is not there is 404.
func (m *MapLocal) answer(ctx context.Context, req *traffic.Request, files *files) *traffic.Response {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return textAnswer(http.StatusMethodNotAllowed, "only GET and HEAD are answered from files\n",
			traffic.Field{Name: "Allow", Value: "GET, HEAD"})
	}
	file, info, err := m.open(req, files)
	switch {
	case errors.Is(err, errNeedsSlash):
		location := req.URL.Path() + "/"
		if query, ok := req.URL.Query(); ok {
			location += "?" + query
		}
		return textAnswer(http.StatusFound, location+"\n", traffic.Field{Name: "Location", Value: location})
	case errors.Is(err, fs.ErrNotExist):
		return textAnswer(http.StatusNotFound, "there is no such file\n")
	case err != nil:
		return textAnswer(http.StatusForbidden, "the file cannot be read\n")
	}
	return serveFile(ctx, req, file, info)
}

// open opens the file for a request: the rule's own, if that is a file, else the
// one below it. A folder is its index file. Nothing outside of the rule's folder
// is opened, whatever a path or a symbolic link says.
func (m *MapLocal) open(req *traffic.Request, files *files) (*os.File, fs.FileInfo, error) {
	beside, err := os.OpenRoot(files.folder)
	if err != nil {
		return nil, nil, err
	}
	defer beside.Close() //nolint:errcheck // it was only read
	own := filepath.FromSlash(string(m.Path))
	info, err := beside.Stat(own)
	if err != nil {
		return nil, nil, err
	}
	if !info.IsDir() {
		return openRegular(beside, own)
	}
	below, err := beside.OpenRoot(own)
	if err != nil {
		return nil, nil, err
	}
	defer below.Close() //nolint:errcheck // it was only read
	return openBelow(below, m.strip(req.URL.Path()))
}

// strip takes the rule's strip off the front of a path, where it is whole
// segments.
func (m *MapLocal) strip(urlPath string) string {
	rest, ok := strings.CutPrefix(urlPath, strings.TrimSuffix(m.Strip, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return urlPath
	}
	return rest
}

// openBelow opens the file that a path of a URL stands for.
func openBelow(root *os.Root, urlPath string) (*os.File, fs.FileInfo, error) {
	decoded, err := url.PathUnescape(urlPath)
	if err != nil || strings.ContainsRune(decoded, 0) {
		return nil, nil, fs.ErrNotExist
	}
	// Cleaned as an absolute path it cannot climb.
	name := strings.TrimPrefix(path.Clean("/"+decoded), "/")
	if name == "" {
		name = "."
	}
	info, err := root.Stat(filepath.FromSlash(name))
	slash := strings.HasSuffix(urlPath, "/")
	switch {
	case err != nil:
		return nil, nil, err
	case info.IsDir() && !slash:
		return nil, nil, errNeedsSlash
	case info.IsDir():
		name = path.Join(name, indexFile)
	case slash:
		return nil, nil, fs.ErrNotExist
	}
	return openRegular(root, filepath.FromSlash(name))
}
