package replay

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// serve returns the response of an answer to req, when its time has come.
func (x *Index) serve(ctx context.Context, req *traffic.Request, a *answer) (*traffic.Response, error) {
	began := time.Time{}
	if x.opts.Timing != Instant {
		began = time.Now()
	}
	if req.Informational != nil {
		for _, early := range a.informational {
			if err := req.Informational(early); err != nil {
				return nil, err
			}
		}
	}
	if err := waitUntil(ctx, began.Add(x.opts.Timing.scale(a.wait))); err != nil {
		return nil, gone(err)
	}
	v := a.choose(req)
	resp := &traffic.Response{
		Status: a.status, Reason: a.reason, Proto: "HTTP/1.1", Header: v.header, Source: traffic.SourceReplay,
	}
	if a.empty || req.Method == "HEAD" {
		return resp, nil
	}
	resp.Length, resp.Trailer = v.length, a.trailer
	body, err := x.body(ctx, a, v, began)
	if err != nil {
		return nil, &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "read recording: " + err.Error(), Err: err}
	}
	resp.Body = body
	return resp, nil
}

// choose returns the variant that the client understands.
func (a *answer) choose(req *traffic.Request) *variant {
	if a.coded == nil {
		return &a.plain
	}
	accepted := req.Header.Values("Accept-Encoding")
	refused := func(name string) bool { return !coding.Accepts(accepted, name) }
	if slices.ContainsFunc(a.coded.codings, refused) {
		return &a.plain
	}
	return a.coded
}

// body returns the content of a variant, paced if it has to be.
func (x *Index) body(ctx context.Context, a *answer, v *variant, began time.Time) (io.ReadCloser, error) {
	paced := x.opts.Timing != Instant && len(a.chunks) > 0
	if v.content != nil && !paced {
		return traffic.NewMemoryBody(v.content), nil
	}
	ready, codings := v.content, v.codings
	if ready != nil && v.length >= 0 {
		codings = nil // it is encoded already
	} else {
		// A stream is paced before it is encoded, so that each piece can be
		// flushed and a client sees whole events.
		ready = a.plain.content
	}
	body, size, err := a.open(ready)
	if err != nil {
		return nil, err
	}
	if paced {
		body = newPacedBody(ctx, body, x.opts.Timing, began, a.chunks, size)
	}
	if len(codings) > 0 {
		body = newEncodedBody(body, codings, paced)
	}
	return body, nil
}

// open returns content and its size in bytes: ready, or if that is nil what is
// on disk.
func (a *answer) open(ready []byte) (io.ReadCloser, int64, error) {
	if ready != nil {
		return traffic.NewMemoryBody(ready), int64(len(ready)), nil
	}
	body, err := a.file.OpenBody(a.body)
	return body, a.body.Size, err
}

// waitUntil waits for a time, or for ctx.
func waitUntil(ctx context.Context, t time.Time) error {
	d := time.Until(t)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gone is the failure of a client that left.
func gone(err error) *traffic.Failure {
	return &traffic.Failure{Kind: traffic.FailEOF, Side: traffic.SideClient, Text: "the client left before the answer was due", Err: err}
}
