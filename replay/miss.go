package replay

// Miss is a request that no recorded exchange answers. Values of secret names
// (see record.IsSecret) do not appear in it.
type Miss struct {
	// Method and URL are the request's.
	Method, URL string
	// Reason says in a few words why there is no answer.
	Reason string
	// Nearest are the closest recorded requests, best first, at most 3.
	Nearest []Candidate
	// Hint is a rule to paste into a rules file that answers the request.
	Hint string
}

// Candidate is a recorded request that is close to one that missed.
type Candidate struct {
	// ID is the exchange's in its recording.
	ID uint64
	// Recording is the file's base name, "" if only one file is loaded.
	Recording string
	// Method and URL are the recorded request's.
	Method, URL string
	// Differs has a line for each difference, such as
	// "query.page: recorded 1, got 2".
	Differs []string
}
