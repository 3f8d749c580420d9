package traffic

// Resume says how a hit goes on.
type Resume struct {
	Action ResumeAction
	// Request and Response are what changes of the message that is held, under
	// ResumeContinue; nil changes nothing.
	Request, Response *Edit
	// Mock is the answer under ResumeMock; nil goes on as ResumeContinue does.
	Mock *Edit
	// Payload is sent in place of that of a frame, under ResumeContinue, if it is
	// not nil.
	Payload []byte
	// By says who: see BreakpointResumed.
	By string
}

// Edit is what changes of a message. The zero value changes nothing.
type Edit struct {
	// Method and URL are for a request, Status and Reason for a response; "" and
	// 0 leave what is there. A new Status has the usual Reason of its own.
	Method, URL string
	Status      int
	Reason      string
	// Set are the fields to be given a value; several of a name are several
	// fields. Remove names those to be taken out.
	Set    Fields
	Remove []string
	// Body is the new content, without content coding, if HasBody is true.
	Body    []byte
	HasBody bool
}
