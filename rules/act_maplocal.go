package rules

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// indexFile is what a folder is answered with.
const indexFile = "index.html"

// answer answers a request from a file. What is not there is 404.
func (m *MapLocal) answer(ctx context.Context, req *traffic.Request, files *files) *traffic.Response {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return textAnswer(http.StatusMethodNotAllowed, "only GET and HEAD are answered from files\n", traffic.Field{Name: "Allow", Value: "GET, HEAD"})
	}
	file, info, err := m.open(req, files)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return textAnswer(http.StatusNotFound, "there is no such file\n")
	case err != nil:
		return textAnswer(http.StatusForbidden, "the file cannot be read\n")
	}
	return serveFile(ctx, req, file, info)
}

// open opens the file for a request. A folder is its index file.
func (m *MapLocal) open(req *traffic.Request, files *files) (*os.File, fs.FileInfo, error) {
	name, err := m.lookup(req.URL.Path(), files)
	if err != nil {
		return nil, nil, err
	}
	for range 2 {
		file, err := files.open(name)
		if err != nil {
			return nil, nil, err
		}
		info, err := file.Stat()
		if err == nil && info.Mode().IsRegular() {
			return file, info, nil
		}
		_ = file.Close() // it was only looked at
		if err != nil {
			return nil, nil, err
		}
		if !info.IsDir() {
			return nil, nil, fs.ErrPermission
		}
		name = path.Join(name, indexFile)
	}
	return nil, nil, fs.ErrNotExist
}

// lookup returns the name of the file for the path of a URL: the rule's own, if
// that is a file, else the one below it.
func (m *MapLocal) lookup(urlPath string, files *files) (string, error) {
	base, err := files.open(string(m.Path))
	if err != nil {
		return "", err
	}
	info, err := base.Stat()
	_ = base.Close() // it was only looked at
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return string(m.Path), nil
	}
	rest := strings.TrimPrefix(urlPath, m.Strip)
	decoded, err := url.PathUnescape(rest)
	if err != nil {
		return "", fs.ErrNotExist
	}
	// Cleaned as an absolute path it cannot climb; files.open guards against links.
	return path.Join(string(m.Path), path.Clean("/"+decoded)), nil
}

// serveFile answers with the content of a file, which it closes, or with the part
// of it that was asked for: net/http knows about ranges and conditions.
func serveFile(ctx context.Context, req *traffic.Request, file *os.File, info fs.FileInfo) *traffic.Response {
	r, err := http.NewRequestWithContext(ctx, req.Method, "http://localhost/", nil)
	if err != nil { // the method was checked
		_ = file.Close()
		return textAnswer(http.StatusInternalServerError, "the request cannot be understood\n")
	}
	for _, f := range req.Header {
		r.Header.Add(f.Name, f.Value)
	}
	w := newPipeWriter()
	w.header.Set("Etag", `"`+strconv.FormatInt(info.ModTime().UnixNano(), 36)+"-"+strconv.FormatInt(info.Size(), 36)+`"`)
	go func() {
		defer file.Close() //nolint:errcheck // it was only read
		http.ServeContent(w, r, info.Name(), info.ModTime(), file)
		w.end()
	}()
	return w.response()
}

// pipeWriter is an http.ResponseWriter whose response is read as it is written.
type pipeWriter struct {
	header http.Header
	status int
	ready  chan struct{} // closed when status is set
	r      *io.PipeReader
	w      *io.PipeWriter
}

func newPipeWriter() *pipeWriter {
	r, w := io.Pipe()
	return &pipeWriter{header: http.Header{}, ready: make(chan struct{}), r: r, w: w}
}

// Header implements http.ResponseWriter.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *pipeWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		close(w.ready)
	}
}

// Write implements http.ResponseWriter. It fails once nobody reads any more.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.w.Write(p)
}

func (w *pipeWriter) end() {
	w.WriteHeader(http.StatusOK)
	_ = w.w.Close() // it never fails
}

// response waits for the head and returns it with a body that is being written.
func (w *pipeWriter) response() *traffic.Response {
	<-w.ready
	resp := &traffic.Response{Status: w.status, Reason: http.StatusText(w.status), Source: traffic.SourceRule, Body: w.r, Length: -1}
	names := make([]string, 0, len(w.header))
	for name := range w.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range w.header[name] {
			resp.Header.Add(name, value)
		}
	}
	if n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil {
		resp.Length = n
	}
	return resp
}
