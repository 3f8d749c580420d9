package ports

import (
	"strconv"
	"time"
)

// Status is what is known about a port in use, with the names that 9Proxy's
// GetConfigJSON has for it.
type Status struct {
	// ProxyID is the id of the candidate it is led through, "" for none.
	ProxyID string `json:"proxy_id"`
	// BindingType says what it leads to, and Binding where that is, without passwords.
	BindingType Kind   `json:"binding_type"`
	Binding     string `json:"binding"`
	// Address is where it listens, host:port, and Index the port.
	Address string `json:"address"`
	Index   int    `json:"Index"`
	// IsOnline says that what is behind it could be reached the last time, and Error
	// why not.
	IsOnline bool   `json:"is_online"`
	Error    string `json:"error,omitempty"`
	// CountryCode, City and PublicIP are the candidate's labels country, city and
	// public_ip, "" where it has none.
	CountryCode string `json:"country_code"`
	City        string `json:"city"`
	PublicIP    string `json:"public_ip"`
	// PrepareStartDate is when it was put to use, and LastRefresh when it was led
	// through another candidate last; CountRefresh is how often that was. In seconds
	// since 1970, 0 for never.
	PrepareStartDate int64 `json:"prepare_start_date"`
	LastRefresh      int64 `json:"last_refresh"`
	CountRefresh     int   `json:"count_refresh"`
	// Streams is how many connections of clients are open.
	Streams   int       `json:"streams"`
	Bandwidth Bandwidth `json:"bw"`
	Tags      []string  `json:"tags,omitempty"`
}

// Bandwidth is what has passed a port since it was put to use.
type Bandwidth struct {
	ID string `json:"id"`
	// SessionTime is how long it has been in use, in seconds.
	SessionTime int64 `json:"session_time"`
	// BytesWrite are those that clients have sent, and BytesRead those that they were
	// sent.
	BytesWrite int64 `json:"bytes_write"`
	BytesRead  int64 `json:"bytes_read"`
}

// Status returns what is known about a port. The error wraps ErrNotInUse.
func (p *Pool) Status(number int) (Status, error) {
	one := p.get(number)
	if one == nil {
		return Status{}, notInUse(number)
	}
	return one.status(), nil
}

// Statuses returns what is known about the ports in use, in their order.
func (p *Pool) Statuses() []Status {
	all := p.all()
	statuses := make([]Status, len(all))
	for i, one := range all {
		statuses[i] = one.status()
	}
	return statuses
}

// status returns what is known about the port.
func (p *port) status() Status {
	s := Status{
		BindingType: p.binding.Kind(), Binding: p.where(), Address: p.addr, Index: p.number,
		PrepareStartDate: p.began.Unix(), Streams: p.meter.streams(), Tags: p.binding.Tags,
		Bandwidth: Bandwidth{
			ID: strconv.Itoa(p.number), SessionTime: int64(time.Since(p.began).Seconds()),
			BytesWrite: p.meter.up.Load(), BytesRead: p.meter.down.Load(),
		},
	}
	if c := p.candidate.Load(); c != nil {
		s.ProxyID, s.CountryCode, s.City, s.PublicIP = c.ID, c.Labels["country"], c.Labels["city"], c.Labels["public_ip"]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.IsOnline, s.CountRefresh = p.online, p.refreshes
	if !p.online && p.lastErr != nil {
		s.Error = p.lastErr.Error()
	}
	if !p.refreshed.IsZero() {
		s.LastRefresh = p.refreshed.Unix()
	}
	return s
}

// where returns what is behind the port, without passwords.
func (p *port) where() string {
	switch b := &p.binding; b.Kind() {
	case KindTarget:
		return b.Target.String()
	case KindReplay:
		return b.Replay
	case KindRaw:
		return b.Raw
	default:
		u := p.upstream()
		return u.Scheme + "://" + u.Host
	}
}
