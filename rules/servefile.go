package rules

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

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
		defer close(w.done)
		defer file.Close()
		http.ServeContent(w, r, info.Name(), info.ModTime(), file)
		w.end()
	}()
	return w.response()
}

// pipeWriter is an http.ResponseWriter whose response is read as it is written.
type pipeWriter struct {
	header http.Header
	status int
	ready  chan struct{} // closed when header and status will not change any more
	done   chan struct{} // closed when all was written
	r      *io.PipeReader
	w      *io.PipeWriter
}

func newPipeWriter() *pipeWriter {
	r, w := io.Pipe()
	return &pipeWriter{header: http.Header{}, ready: make(chan struct{}), done: make(chan struct{}), r: r, w: w}
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
	resp := &traffic.Response{
		Status: w.status, Reason: http.StatusText(w.status), Source: traffic.SourceRule,
		Body: pipeBody{w}, Length: -1,
	}
	names := make([]string, 0, len(w.header))
	for name := range w.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range w.header[name] {
			if name == "Etag" {
				name = "ETag" // as RFC 9110 spells it
			}
			resp.Header.Add(name, value)
		}
	}
	if n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil {
		resp.Length = n
	}
	if w.status == http.StatusNotModified {
		resp.Length = 0
	}
	return resp
}

// pipeBody is what a pipeWriter writes.
type pipeBody struct{ w *pipeWriter }

// Read reads content as it is written.
func (b pipeBody) Read(p []byte) (int, error) { return b.w.r.Read(p) }

// Close ends the writing and waits for that.
func (b pipeBody) Close() error {
	_ = b.w.r.Close() // it never fails
	<-b.w.done
	return nil
}
