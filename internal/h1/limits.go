package h1

// Limits bound what a Reader accepts, in bytes, line ends included. A zero field
// means the value given behind it.
type Limits struct {
	StartLine int // request line or status line: 128 KiB
	Field     int // one field line: 256 KiB
	Head      int // a whole head: 1 MiB
	Fields    int // number of fields: 1000
	Extension int // extensions of one chunk: 4 KiB
	Trailer   int // a trailer section: 64 KiB
}

func (l Limits) withDefaults() Limits {
	set := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	set(&l.StartLine, 128<<10)
	set(&l.Field, 256<<10)
	set(&l.Head, 1<<20)
	set(&l.Fields, 1000)
	set(&l.Extension, 4<<10)
	set(&l.Trailer, 64<<10)
	return l
}
