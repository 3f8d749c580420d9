package tail

import (
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"

	"github.com/necto-dev/necto/traffic"
)

// The columns of numbers in the table.
var (
	statsColumns = [...]string{"count", "errors", "p50", "p95", "p99", "sent", "received"}
	statsWidths  = [...]int{8, 6, 8, 8, 8, 9, 9}
)

// shownColumns returns how many of the columns a terminal has room for.
func shownColumns(width int) int {
	switch {
	case width == 0 || width >= wide:
		return len(statsColumns)
	case width >= 75:
		return len(statsColumns) - 2 // without bytes
	default:
		return 2 // without durations
	}
}

// statsTable prints the summary for people.
type statsTable struct {
	o      *Options
	s      *stats
	styles styles
	row    row
	text   []byte
}

func (t *statsTable) render() []byte {
	if t.s.total.count > 0 {
		t.exchanges()
		t.slowest()
	}
	if t.s.pending > 0 {
		t.paragraph()
		t.line(english.Plural(t.s.pending, "exchange", "") + " not ended")
	}
	if t.s.sockets > 0 || t.s.frames != [2]int{} {
		t.conversations()
	}
	if len(t.text) == 0 {
		t.line("nothing to sum up")
	}
	return t.text[:len(t.text)-1]
}

func (t *statsTable) exchanges() {
	for i, name := range statsColumns[:shownColumns(t.o.width())] {
		t.row.cell(name, statsWidths[i], true)
	}
	t.end(t.styles.dim, "host and route")
	hosts := t.s.hostsByCount()
	for _, h := range hosts {
		t.series(h, "")
		for _, r := range t.s.routesByCount(h.name) {
			t.series(r, gap)
		}
	}
	if len(hosts) > 1 {
		t.series(named{"all hosts", t.s.total}, "")
	}
}

func (t *statsTable) series(n named, indent string) {
	share := fmt.Sprintf("%.1f%%", 100*float64(n.errors)/float64(n.count))
	texts := [...]string{
		strconv.Itoa(n.count), share,
		durationText(n.percentile(50)), durationText(n.percentile(95)), durationText(n.percentile(99)),
		sizeText(n.sent), sizeText(n.received),
	}
	for i, text := range texts[:shownColumns(t.o.width())] {
		t.row.cell(text, statsWidths[i], true)
	}
	t.end(t.style(n, indent == ""), indent+Safe(n.name))
}

// style is that of a route or host: red if something failed.
func (t *statsTable) style(n named, isHost bool) *colour {
	switch {
	case n.errors > 0:
		return t.styles.bad
	case isHost:
		return t.styles.client
	}
	return t.styles.plain
}

func (t *statsTable) slowest() {
	t.paragraph()
	t.end(t.styles.dim, "slowest")
	for _, x := range t.s.slowest {
		status := "ERR"
		if x.status != 0 {
			status = strconv.Itoa(x.status)
		}
		t.row.cell(durationText(x.duration), statsWidths[0], true)
		t.row.add(status + gap)
		t.row.cell(Safe(x.method), 4, false)
		t.end(t.styles.plain, Safe(x.url))
	}
}

func (t *statsTable) conversations() {
	t.paragraph()
	t.end(t.styles.dim, "websocket")
	t.line(fmt.Sprintf("%s, %d closed", english.Plural(t.s.sockets, "connection", ""), t.s.closed))
	for _, dir := range [...]traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		frames := english.Plural(t.s.frames[dir], "frame", "")
		t.line(arrow(dir) + gap + frames + ", " + sizeText(t.s.frameBytes[dir]))
	}
}

// paragraph separates what follows from what there is.
func (t *statsTable) paragraph() {
	if len(t.text) > 0 {
		t.line("")
	}
}

// line adds a line.
func (t *statsTable) line(s string) { t.end(t.styles.plain, s) }

// end ends the row with a text, as much of it as there is room for.
func (t *statsTable) end(style *colour, text string) {
	if room, fits := t.row.room(t.o.width(), 0, minURL); fits {
		text = cutMiddle(text, room)
	}
	t.row.styled(style, text)
	t.text = append(append(t.text, t.row.text...), '\n')
	t.row.reset()
}
