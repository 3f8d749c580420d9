package ports

import "encoding/json"

// encodeBinding returns a binding in the form that parseBinding reads. The port is not
// in it.
func encodeBinding(b *Binding) json.RawMessage {
	m := map[string]any{}
	switch {
	case b.Target != nil:
		m["target"] = b.Target.String()
	case b.Upstream != nil:
		m["upstream"] = b.Upstream.String()
	case b.Replay != "":
		m["replay"] = b.Replay
	case b.Raw != "":
		m["raw"] = b.Raw
	default:
		m["labels"] = b.Labels
	}
	if r := b.Refresh; r.Enabled {
		bounds := map[string]any{}
		if r.Max > 0 {
			bounds["max"] = r.Max
		}
		if r.Interval > 0 {
			bounds["interval"] = r.Interval.String()
		}
		m["refresh"] = bounds
	}
	if b.Rotation > 0 {
		m["rotation"] = b.Rotation.String()
	}
	if b.User != "" {
		m["auth"] = b.User + ":" + b.Password
	}
	if len(b.Tags) > 0 {
		m["tags"] = b.Tags
	}
	if b.Unrecorded {
		m["record"] = false
	}
	text, _ := json.Marshal(m) // plain values
	return text
}
