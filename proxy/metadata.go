package proxy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// metadataUser is the user whose password is none, but says what the client's
// traffic is to be tagged with, as Mockttp has it.
const metadataUser = "metadata"

// parseMetadata returns the tags in the password of metadataUser: an object of JSON
// with the member tags, such an object in base64url, or one tag as it is.
func parseMetadata(password string) ([]string, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(password, "="))
	if err == nil && strings.HasPrefix(string(decoded), "{") {
		password = string(decoded)
	}
	if !strings.HasPrefix(password, "{") {
		if password == "" {
			return nil, nil
		}
		return []string{password}, nil
	}
	var metadata struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal([]byte(password), &metadata); err != nil {
		return nil, fmt.Errorf("the password of the user %s is not an object with tags: %w", metadataUser, err)
	}
	return metadata.Tags, nil
}
