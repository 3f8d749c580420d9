// Package export writes the requests of a recording in the languages of other
// tools: as curl commands for a POSIX shell, as a k6 script, as a .http file for the
// REST clients of JetBrains and Visual Studio Code.
//
// A request is written as it was recorded: header fields that the tool makes itself
// (Host, Content-Length, those of the connection) are left out, and content is sent
// without the content coding that the recording has undone. What a language cannot
// say is told as a warning. WebSocket connections and CONNECT are left out.
package export
