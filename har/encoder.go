package har

// pieceSize is how much of an entry is encoded before it is written.
const pieceSize = 1 << 20

// encoder makes JSON of entries. What it makes gathers in buf and is written in
// pieces where it is much.
type encoder struct {
	buf []byte
	// flush writes a piece.
	flush func([]byte) error
	// err is the first error of the entry; with failed it is one of flush.
	err    error
	failed bool
	// scratch is for content that is read.
	scratch []byte
}

// relieve writes what has gathered if it is much. It is called where an entry can
// be long.
func (e *encoder) relieve() {
	if e.err != nil || len(e.buf) < pieceSize {
		return
	}
	if e.err = e.flush(e.buf); e.err != nil {
		e.failed = true
	}
	e.buf = e.buf[:0]
}

// list appends a member that is an array, one element a call of each.
func list[T any](e *encoder, before string, all []T, each func(*encoder, *T)) {
	e.buf = append(e.buf, before...)
	e.buf = append(e.buf, '[')
	for i := range all {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		each(e, &all[i])
		e.relieve()
	}
	e.buf = append(e.buf, ']')
}

// optionalList appends the array unless it is empty.
func optionalList[T any](e *encoder, before string, all []T, each func(*encoder, *T)) {
	if len(all) > 0 {
		list(e, before, all, each)
	}
}

// end ends an object with what all of them may have.
func (e *encoder) end(comment string, extra []Member) {
	e.buf = appendOptional(e.buf, `,"comment":`, comment)
	e.buf = append(appendExtra(e.buf, extra), '}')
}

func (e *encoder) entry(x *Entry) {
	e.buf = append(e.buf, '{')
	if x.PageRef != "" {
		e.buf = append(appendText(e.buf, `"pageref":`, x.PageRef), ',')
	}
	e.buf = appendTime(e.buf, `"startedDateTime":`, x.Started)
	e.buf = appendMillis(e.buf, `,"time":`, x.Time, 0)
	e.request(&x.Request)
	e.response(&x.Response)
	if e.buf = append(e.buf, `,"cache":`...); len(x.Cache) > 0 {
		e.buf = append(e.buf, x.Cache...)
	} else {
		e.buf = append(e.buf, "{}"...)
	}
	e.timings(&x.Timings)
	e.buf = appendAddress(e.buf, x.ServerIPAddress)
	e.buf = appendOptional(e.buf, `,"connection":`, x.Connection)
	e.custom(x)
	e.end(x.Comment, x.Extra)
}

// custom appends the members of an entry that are not of HAR 1.2.
func (e *encoder) custom(x *Entry) {
	e.buf = appendOptional(e.buf, `,"_resourceType":`, x.ResourceType)
	e.buf = appendOptional(e.buf, `,"_connectionId":`, x.ConnectionID)
	e.buf = appendOptionalInt(e.buf, `,"_serverPort":`, int64(x.ServerPort))
	if x.SecurityDetails != nil {
		e.security(x.SecurityDetails)
	}
	e.messages(x.WebSocketMessages)
	if x.WebSocketClose != nil {
		e.buf = appendClose(e.buf, `,"_webSocketClose":`, x.WebSocketClose)
	}
	optionalList(e, `,"_eventSourceMessages":`, x.EventSourceMessages, (*encoder).event)
	e.buf = appendRaw(e.buf, `,"_necto":`, x.Necto)
}

func (e *encoder) timings(t *Timings) {
	e.buf = appendMillis(e.buf, `,"timings":{"blocked":`, t.Blocked, -1)
	e.buf = appendMillis(e.buf, `,"dns":`, t.DNS, -1)
	e.buf = appendMillis(e.buf, `,"connect":`, t.Connect, -1)
	e.buf = appendMillis(e.buf, `,"ssl":`, t.SSL, -1)
	e.buf = appendMillis(e.buf, `,"send":`, t.Send, 0)
	e.buf = appendMillis(e.buf, `,"wait":`, t.Wait, 0)
	e.buf = appendMillis(e.buf, `,"receive":`, t.Receive, 0)
	if t.BlockedBreakpoint != 0 {
		e.buf = appendMillis(e.buf, `,"_blocked_breakpoint":`, t.BlockedBreakpoint, 0)
	}
	e.end(t.Comment, t.Extra)
}

func (e *encoder) security(d *SecurityDetails) {
	e.buf = appendText(e.buf, `,"_securityDetails":{"protocol":`, d.Protocol)
	e.buf = appendOptional(e.buf, `,"subjectName":`, d.SubjectName)
	e.buf = appendOptional(e.buf, `,"issuer":`, d.Issuer)
	if !d.ValidFrom.IsZero() {
		e.buf = appendInt(e.buf, `,"validFrom":`, d.ValidFrom.Unix())
	}
	if !d.ValidTo.IsZero() {
		e.buf = appendInt(e.buf, `,"validTo":`, d.ValidTo.Unix())
	}
	e.end("", d.Extra)
}
