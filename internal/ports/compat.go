package ports

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is what one of 9Proxy's calls is answered with.
type answer struct {
	message string
	data    any      // for t=2, nil for nothing
	lines   []string // the same for t=1
}

// envelope is the form of answers for t=2.
type envelope struct {
	Error   bool   `json:"error"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// answeringAs9Proxy answers with text for t=1, and JSON for t=2 and without t. As
// 9Proxy does it answers 200 to errors, which JSON has as such.
func answeringAs9Proxy(fn func(*http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		a, err := fn(r)
		if err != nil {
			a = answer{message: err.Error()}
		}
		if r.URL.Query().Get("t") != "1" {
			w.Header().Set("Content-Type", "application/json")
			// A client that has left does not take it.
			_ = json.NewEncoder(w).Encode(envelope{Error: err != nil, Message: a.message, Data: a.data})
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if len(a.lines) == 0 {
			a.lines = []string{a.message}
		}
		fmt.Fprintln(w, strings.Join(a.lines, "\n"))
	})
}

// success is the message of answers that have nothing else to say.
const success = "success"

// portsOf returns the ports that the query names, all for "all".
func (p *Pool) portsOf(r *http.Request, all func() []int) ([]int, error) {
	text := r.URL.Query().Get("ports")
	switch text {
	case "all":
		return all(), nil
	case "":
		return nil, errors.New("ports is missing: all, or ports with commas between them")
	}
	var numbers []int
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(one))
		if err != nil || !p.Range().Has(n) {
			return nil, fmt.Errorf("%.20q is none of the ports %s", one, p.Range())
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// allInUse returns the ports in use.
func (p *Pool) allInUse() []int {
	var numbers []int
	for _, one := range p.all() {
		numbers = append(numbers, one.number)
	}
	return numbers
}

// checkedPort is an element of the answer to port_check.
type checkedPort struct {
	Port   int  `json:"port"`
	Online bool `json:"online"`
}

// portCheck probes ports.
func (p *Pool) portCheck(r *http.Request) (answer, error) {
	numbers, err := p.portsOf(r, p.allInUse)
	if err != nil {
		return answer{}, err
	}
	online := p.Test(r.Context(), numbers)
	data := []checkedPort{}
	a := answer{message: success}
	for _, number := range numbers {
		data = append(data, checkedPort{number, online[number]})
		a.lines = append(a.lines, fmt.Sprintf("%d %s", number, onlineText(online[number])))
	}
	a.data = data
	return a, nil
}

func onlineText(online bool) string {
	if online {
		return "online"
	}
	return "offline"
}

// portState is an element of the answer to port_status.
type portState struct {
	Address  string `json:"address"`
	City     string `json:"city"`
	PublicIP string `json:"public_ip"`
	Online   bool   `json:"online"`
}

// portStatus says how the ports in use are, as far as is known.
func (p *Pool) portStatus(*http.Request) (answer, error) {
	data := []portState{}
	a := answer{message: success}
	for _, s := range p.Statuses() {
		data = append(data, portState{s.Address, s.City, s.PublicIP, s.IsOnline})
		fields := []string{s.Address, s.City, s.PublicIP, onlineText(s.IsOnline)}
		a.lines = append(a.lines, strings.Join(strings.Fields(strings.Join(fields, " ")), " "))
	}
	a.data = data
	return a, nil
}

// setPortRange changes which ports there are.
func (p *Pool) setPortRange(r *http.Request) (answer, error) {
	query := r.URL.Query()
	start, err := strconv.Atoi(query.Get("start_port"))
	if err != nil {
		return answer{}, fmt.Errorf("start_port is %.20q, no number", query.Get("start_port"))
	}
	count, err := strconv.Atoi(query.Get("port_num"))
	if err != nil {
		return answer{}, fmt.Errorf("port_num is %.20q, no number", query.Get("port_num"))
	}
	return answer{message: success}, p.SetRange(start, count)
}

// portFree says whether ports are free; it is an error if they are not. It frees none:
// 9Proxy's documentation has it as a check.
func (p *Pool) portFree(r *http.Request) (answer, error) {
	numbers, err := p.portsOf(r, p.allInUse)
	if err != nil {
		return answer{}, err
	}
	var used []string
	for _, number := range numbers {
		if p.get(number) != nil {
			used = append(used, strconv.Itoa(number))
		}
	}
	if len(used) > 0 {
		return answer{}, fmt.Errorf("in use: %s", strings.Join(used, ", "))
	}
	return answer{message: success}, nil
}
