// Package fleet lets many nectos share one Redis: lines of recordings go to a
// stream and come from it, and events of all are events of each.
//
// A [Sink] takes the lines of a recording in the place of a file:
//
//	target, err := fleet.ParseTarget("redis://127.0.0.1:6379/ci")
//	...
//	sink, err := fleet.OpenSink(ctx, target, fleet.SinkOptions{Spool: dir, Session: id})
//	...
//	w, err := record.New(sink, record.Options{Session: id})
//	...
//	err = errors.Join(w.Close(), sink.Drain(ctx))
//
// A [Stream] has them for whoever reads:
//
//	s, err := fleet.Open(ctx, target, nil)
//	...
//	files, err := s.Download(ctx, dir, warn)
//
// A [Space] is a traffic.Observer that tells other processes what it is told, and
// tells another observer what they see:
//
//	space, err := fleet.Join(ctx, target, fleet.SpaceOptions{Session: id, Observer: server})
//
// # Nothing is lost, nothing comes twice
//
// A Sink writes every line to its spool, a folder on the disk, and nothing else:
// Redis is never waited for. A goroutine reads the spool and sends what is there,
// and a part of the spool is removed when Redis has all of it. What a process that
// was killed has left there is sent by the next Sink with the same spool.
//
// A line is known by its recorder, which is the session of the recording, and its
// seq. Redis keeps the last seq of each recorder beside the stream, in the same
// step in which lines are added, so that what is sent again after a lost answer is
// not added again. No clock is involved: ids of entries are those of Redis.
//
// # What is in Redis
//
// The stream STREAM has an entry for each line, with the fields recorder and line.
// {STREAM}:recorder:ID is a hash: seq is the last line of the recorder that is in
// the stream, token tells the process that may add more, and meta is its first
// line, for readers who come after that was trimmed. STREAM:body:{SHA256} has
// content that is too long for a line, as the file of that name has beside a
// recording.
//
// The stream of a space has an entry for each batch of events, with the fields
// node, n, the number of the batch, and batch, a list in JSON. {SPACE}:node:N says
// that the number N is taken. All of it lives for a minute.
package fleet
