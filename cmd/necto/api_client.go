package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// apiPatience is how long the API may take to answer.
const apiPatience = 30 * time.Second

// apiClient speaks with the API of a running necto.
type apiClient struct {
	server card
	http   http.Client
}

func newAPIClient(server card) apiClient {
	return apiClient{server: server, http: http.Client{
		Timeout: apiPatience,
		// The API is on this machine or named by the user; content is asked for
		// without codings.
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	}}
}

// call calls the API, with v as content if it is not nil, and reads the answer into
// one that is not nil.
func (c *apiClient) call(ctx context.Context, method, path string, v, into any) error {
	var content []byte
	if v != nil {
		var err error
		if content, err = json.Marshal(v); err != nil {
			return err
		}
	}
	resp, err := c.do(ctx, method, path, content)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.server.URL, err)
	}
	return nil
}

// do returns the answer to a request, or the error that it tells of.
func (c *apiClient) do(ctx context.Context, method, path string, content []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server.URL+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if len(content) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.server.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.server.Token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	var problem struct{ Detail string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&problem); err != nil || problem.Detail == "" {
		return nil, fmt.Errorf("%s answers %s", c.server.URL, resp.Status)
	}
	return nil, errors.New(problem.Detail)
}
